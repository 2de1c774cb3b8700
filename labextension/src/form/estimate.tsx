/** What a sample of the dataset showed: time and core-hours for other numbers of cores, and what failed. */
import * as React from 'react';
import type { IPreflight } from '../api';
import { BarChart } from '../components/charts';
import { trans } from '../translation';
import { duration, marked, number, oneLine, plain, shortTime, threeDigits } from '../wording';

export function Estimate(props: { found: IPreflight }): JSX.Element {
  const { found } = props;
  const { estimates } = found;
  const mine = estimates.findIndex(one => one.cores === found.cores);
  return (
    <section className="jp-Featx-estimate" aria-label={trans.__('Estimate')}>
      <p>
        {trans.__(
          '%1 of %2 items tried: %3 an item (median), %4 at most, %5 MB of memory.',
          number(found.sample),
          number(found.total),
          shortTime(found.median_seconds),
          shortTime(found.max_seconds),
          number(Math.round(found.peak_mb))
        )}
      </p>
      {found.failures.length ? (
        <ul className="jp-Featx-failures">
          {found.failures.map(one => (
            <li key={one.item}>
              <strong>{oneLine(one.message, 300)}</strong>{' '}
              <span className="jp-mod-quiet">{oneLine(one.where, 100)}</span>
              <br />
              <bdi>{oneLine(one.item, 200)}</bdi>
            </li>
          ))}
        </ul>
      ) : null}
      {estimates.length ? (
        <div className="jp-Featx-charts">
          <BarChart
            title={trans.__('Time by number of cores')}
            summary={estimates.map(one => `${one.cores}: ${duration(one.seconds)}`).join(', ')}
            values={estimates.map(one => one.seconds)}
            labels={estimates.map(
              one => `${marked(trans._n('%1 core', '%1 cores', one.cores), one.cores)}: ${duration(one.seconds)}`
            )}
            from={marked(trans._n('%1 core', '%1 cores', estimates[0].cores), estimates[0].cores)}
            to={number(estimates[estimates.length - 1].cores)}
            chosen={mine}
            unit={duration}
          />
          <table className="jp-Featx-table">
            <thead>
              <tr>
                <th scope="col">{trans.__('Cores')}</th>
                <th scope="col">{trans.__('Time')}</th>
                <th scope="col">{trans.__('Core-hours')}</th>
              </tr>
            </thead>
            <tbody>
              {estimates.map((one, i) => (
                <tr key={one.cores} className={i === mine ? 'jp-mod-chosen' : ''}>
                  <td>{number(one.cores)}</td>
                  <td>{one.seconds < 1 ? trans.__('under 1 s') : duration(one.seconds)}</td>
                  <td>{one.core_hours < 0.01 ? '< 0.01' : threeDigits(one.core_hours)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {found.head_text ? <pre tabIndex={0}>{plain(found.head_text).slice(0, 20_000)}</pre> : null}
    </section>
  );
}
