/** How the values of one column are spread. */
import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IDistribution, IJob } from '../api';
import { BarChart } from '../components/charts';
import { useAnswer } from '../components/hooks';
import { Empty, Problem } from '../components/problem';
import { merged, readDistribution } from '../request';
import { trans } from '../translation';
import { marked, number, oneLine } from '../wording';

const short = (value: number | string | null) =>
  typeof value === 'number' ? String(Number(value.toPrecision(4))) : value === null ? '–' : oneLine(value, 24);

export function Distribution(props: { job: IJob; column: string; close(): void }): JSX.Element {
  const { job, column } = props;
  const { value, error, again } = useAnswer<IDistribution>(
    signal =>
      merged(
        () => readDistribution(job.job_id, column),
        () => undefined,
        signal
      ),
    [job.job_id, job.state, column]
  );
  return (
    <section className="jp-Featx-distribution" aria-label={trans.__('Distribution of %1', oneLine(column, 80))}>
      <button
        className="jp-Featx-action"
        title={trans.__('Close')}
        aria-label={trans.__('Close')}
        onClick={props.close}
      >
        <closeIcon.react tag="span" aria-hidden="true" />
      </button>
      {error ? (
        <Problem error={error} again={again} />
      ) : value?.column === column ? (
        <Drawn found={value} />
      ) : (
        <Empty>{trans.__('Counting…')}</Empty>
      )}
    </section>
  );
}

function Drawn(props: { found: IDistribution }): JSX.Element {
  const { found } = props;
  const said = [
    marked(trans._n('%1 value', '%1 values', found.count), found.count),
    found.missing ? trans.__('%1 missing', number(found.missing)) : '',
    found.mean !== null ? trans.__('mean %1', short(found.mean)) : '',
    found.min !== null ? trans.__('from %1 to %2', short(found.min), short(found.max)) : ''
  ]
    .filter(Boolean)
    .join(', ');
  const labels = found.edges.length
    ? found.counts.map((count, i) => `${short(found.edges[i])} – ${short(found.edges[i + 1])}: ${number(count)}`)
    : found.values.map((value, i) => `${oneLine(value, 60)}: ${number(found.counts[i])}`);
  return (
    <>
      {found.edges.length ? (
        <BarChart
          title={oneLine(found.column, 60)}
          summary={said}
          values={found.counts}
          labels={labels}
          from={short(found.edges[0])}
          to={short(found.edges[found.edges.length - 1])}
        />
      ) : (
        <div className="jp-Featx-valueCounts">
          <h3>
            <bdi>{oneLine(found.column, 60)}</bdi>
          </h3>
          <ol>
            {found.values.slice(0, 8).map((value, i) => (
              <li key={i}>
                <bdi>{oneLine(value, 60) || trans.__('(empty)')}</bdi>{' '}
                <span className="jp-Featx-badge">{number(found.counts[i])}</span>
              </li>
            ))}
          </ol>
        </div>
      )}
      <p className="jp-mod-quiet">{said}</p>
    </>
  );
}
