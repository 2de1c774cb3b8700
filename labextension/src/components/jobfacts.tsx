/** What a job looks like wherever it is shown: its state, its bar, its counts, its facts. */
import * as React from 'react';
import type { IJob, State } from '../api';
import { stateIcon, stateWord } from '../icons';
import { trans } from '../translation';
import { duration, marked, number, oneLine, rate, when } from '../wording';

/** Return what a job is called, on one line; its id where it has no name. */
export function nameOf(job: IJob, limit = 60): string {
  return oneLine(job.name || job.job_id, limit);
}

export function StateBadge(props: { state: State }): JSX.Element {
  const Icon = stateIcon(props.state);
  return (
    <span className={`jp-Featx-state jp-mod-${props.state}`}>
      <Icon.react tag="span" aria-hidden="true" />
      {stateWord(props.state)}
    </span>
  );
}

/** Say how many items are done, failed and running. */
export function counts(job: IJob): string {
  if (!job.total) {
    return '';
  }
  const words = [trans.__('%1 of %2 done', number(job.done), number(job.total))];
  if (job.failed) {
    words.push(trans.__('%1 failed', number(job.failed)));
  }
  if (job.running) {
    words.push(trans.__('%1 running', number(job.running)));
  }
  return words.join(', ');
}

export function Bar(props: { job: IJob }): JSX.Element {
  const { job } = props;
  const total = Math.max(1, job.total);
  const parts: [string, number][] = [
    ['done', job.done],
    ['failed', job.failed],
    ['running', job.running]
  ];
  let left = 1;
  return (
    <div
      className="jp-Featx-bar-track"
      role="progressbar"
      aria-label={trans.__('Progress of %1', nameOf(job, 40))}
      aria-valuetext={counts(job) || stateWord(job.state)}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={Math.min(total, job.done + job.failed)}
    >
      {parts.map(([name, count]) => {
        const share = Math.min(left, Math.max(0, count) / total);
        left -= share;
        // one failure in a million is still to be seen
        return share > 0 ? (
          <div key={name} className={`jp-mod-${name}`} style={{ width: `${100 * Math.max(share, 0.006)}%` }} />
        ) : null;
      })}
    </div>
  );
}

export function Counts(props: { job: IJob }): JSX.Element {
  const { job } = props;
  return (
    <span className="jp-Featx-counts">
      {trans.__('%1 of %2 done', number(job.done), number(job.total))}
      {job.failed ? <span className="jp-Featx-failed"> · {trans.__('%1 failed', number(job.failed))}</span> : null}
      {job.running ? ` · ${trans.__('%1 running', number(job.running))}` : null}
    </span>
  );
}

/** Return why the job is where it is, where that says more than its state. */
export function reason(job: IJob): string {
  if (job.unknown_since) {
    return trans.__(
      'Its scheduler does not answer since %1; what is shown is what was known then. The job goes on; this view comes back by itself.',
      when(job.unknown_since)
    );
  }
  const said = oneLine(job.words || job.reason, 400);
  return ['', 'complete', job.state].includes(said) ? '' : said;
}

/** Return the seconds that the job has run, counted on from its last snapshot. */
function elapsed(job: IJob, now: number): number {
  return job.state === 'running' ? job.seconds + Math.max(0, Math.min(now - job.now, 3600)) : job.seconds;
}

/** Say how fast it goes, and how long it takes. */
export function pace(job: IJob): string[] {
  const said: string[] = [];
  if (job.state === 'running' && job.rate > 0) {
    said.push(rate(job.rate));
  }
  if (job.eta_seconds) {
    said.push(trans.__('%1 left', duration(Math.ceil(job.eta_seconds))));
  }
  return said;
}

/** Say on how much it runs, since when, and how long it has. */
export function place(job: IJob, now: number): string[] {
  const said: string[] = [];
  if (job.cores) {
    said.push(marked(trans._n('%1 core', '%1 cores', job.cores), job.cores));
  }
  if (job.started) {
    said.push(trans.__('since %1', when(job.started)), trans.__('ran %1', duration(elapsed(job, now))));
  } else if (job.expected_start) {
    said.push(trans.__('expected at %1', when(job.expected_start)));
  } else if (job.created) {
    said.push(trans.__('submitted %1', when(job.created)));
  }
  return said;
}
