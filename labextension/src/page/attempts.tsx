/** The runs of a job: when and where, how each ended in plain words, and what it cost. */
import * as React from 'react';
import type { IAttempt, IJob } from '../api';
import { useAnswer } from '../components/hooks';
import { StateBadge } from '../components/jobfacts';
import { Empty, Problem } from '../components/problem';
import { active } from '../model';
import { readUsage } from '../request';
import { trans } from '../translation';
import { duration, marked, number, oneLine, threeDigits, when } from '../wording';

const percent = (share: number | null | undefined) =>
  share === null || share === undefined ? '–' : `${threeDigits(share * 100)} %`;
const megabytes = (amount: number | null | undefined) =>
  amount === null || amount === undefined ? '–' : `${number(Math.round(amount))} MB`;

export function Attempts(props: { job: IJob }): JSX.Element {
  const { job } = props;
  const usage = useAnswer(() => readUsage(job.job_id), [job.job_id, job.state, job.attempt_count]);
  if (!job.attempts.length) {
    return <Empty>{trans.__('This job has not been given to a scheduler.')}</Empty>;
  }
  const costs = new Map(usage.value?.attempts.map(one => [`${one.native_id} ${one.number}`, one]));
  return (
    <div>
      {usage.error ? <Problem error={usage.error} again={usage.again} /> : null}
      {usage.value ? (
        <dl className="jp-Featx-facts">
          <dt>{trans.__('Core-hours')}</dt>
          <dd>{threeDigits(usage.value.core_hours)}</dd>
          <dt>{trans.__('Time')}</dt>
          <dd>{duration(usage.value.seconds)}</dd>
          <dt>{trans.__('Time spent on items')}</dt>
          <dd>{percent(usage.value.busy_share)}</dd>
          <dt>{trans.__('Most memory of one item')}</dt>
          <dd>{megabytes(usage.value.peak_memory_mb)}</dd>
        </dl>
      ) : null}
      {job.attempt_count > job.attempts.length ? (
        <p className="jp-mod-quiet">
          {trans.__('The last %1 of %2 attempts.', number(job.attempts.length), number(job.attempt_count))}
        </p>
      ) : null}
      <div className="jp-Featx-tableBox" tabIndex={0} role="region" aria-label={trans.__('Attempts')}>
        <table className="jp-Featx-table">
          <thead>
            <tr>
              {[
                trans.__('Attempt'),
                trans.__('State'),
                trans.__('Why'),
                trans.__('Scheduler’s id'),
                trans.__('Started'),
                trans.__('Ran'),
                trans.__('Where'),
                trans.__('Done'),
                trans.__('Failed'),
                trans.__('Core-hours'),
                trans.__('Memory'),
                trans.__('CPU')
              ].map(label => (
                <th key={label} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...job.attempts].reverse().map((attempt, i) => {
              const cost = costs.get(`${attempt.native_id} ${attempt.number}`);
              return (
                <tr key={`${attempt.native_id} ${attempt.number} ${i}`}>
                  <td>
                    {attempt.number || '–'}
                    {attempt.parts > 1 ? ` (${trans.__('part %1 of %2', attempt.part + 1, attempt.parts)})` : ''}
                  </td>
                  <td>
                    <StateBadge state={attempt.state} />
                  </td>
                  <td className="jp-Featx-wide">
                    <bdi>{attemptReason(attempt)}</bdi>
                  </td>
                  <td>
                    <code>{oneLine(attempt.native_id, 40)}</code>
                  </td>
                  <td>{when(attempt.started ?? attempt.submitted)}</td>
                  <td>{attempt.started ? duration((attempt.ended ?? job.now) - attempt.started) : '–'}</td>
                  <td>
                    {marked(trans._n('%1 core', '%1 cores', attempt.cores), attempt.cores)}
                    {attempt.host ? `, ${oneLine(attempt.host, 40)}` : ''}
                  </td>
                  <td>{number(attempt.done)}</td>
                  <td>{number(attempt.failed)}</td>
                  <td>{cost ? threeDigits(cost.core_hours) : '–'}</td>
                  <td>{megabytes(cost?.peak_memory_mb)}</td>
                  <td>{percent(cost?.cpu_efficiency)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {active(job) ? null : <p className="jp-mod-quiet">{trans.__('Rows of all attempts are in the result.')}</p>}
    </div>
  );
}

/** Return the scheduler's reason in plain words, with its own word beside it. */
function attemptReason(attempt: IAttempt): string {
  const { words, reason, state } = attempt;
  if (words && reason && words !== reason) {
    return oneLine(`${words} (${reason})`, 400);
  }
  const said = words || reason;
  return said && said !== state ? oneLine(said, 400) : '–';
}
