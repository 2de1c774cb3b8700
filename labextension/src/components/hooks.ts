/** Follow the jobs from a component. */
import * as React from 'react';
import type { IJob } from '../api';
import type { IJobs } from '../tokens';

const PAUSE = 150; // ms between two drawings of a long list

/** Draw again when any job has changed, a few times a second at most. */
export function useJobs(jobs: IJobs): number {
  const [turn, setTurn] = React.useState(0);
  React.useEffect(() => {
    let timer = 0;
    const changed = () => {
      timer ||= window.setTimeout(() => {
        timer = 0;
        setTurn(was => was + 1);
      }, PAUSE);
    };
    jobs.jobsChanged.connect(changed);
    return () => {
      jobs.jobsChanged.disconnect(changed);
      window.clearTimeout(timer);
    };
  }, [jobs]);
  return turn;
}

/** Follow one job. */
export function useJob(jobs: IJobs, job_id: string): IJob | undefined {
  const [job, setJob] = React.useState(() => jobs.get(job_id));
  React.useEffect(() => {
    const changed = (_: IJobs, ids: readonly string[] | null) => {
      if (ids === null || ids.includes(job_id)) {
        setJob(jobs.get(job_id));
      }
    };
    setJob(jobs.get(job_id));
    jobs.jobsChanged.connect(changed);
    return () => {
      jobs.jobsChanged.disconnect(changed);
    };
  }, [jobs, job_id]);
  return job;
}

/** Return the time (seconds since the epoch), every second while `ticking`. */
export function useNow(ticking: boolean): number {
  const [now, setNow] = React.useState(() => Date.now() / 1000);
  React.useEffect(() => {
    if (!ticking) {
      return;
    }
    const timer = window.setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => window.clearInterval(timer);
  }, [ticking]);
  return now;
}

interface IAnswer<T> {
  value?: T;
  error?: unknown;
  again(): void;
}

/** Ask for something when the component appears and whenever `on` changes; the last answer stays until the next is there. */
export function useAnswer<T>(ask: (signal: AbortSignal) => Promise<T>, on: React.DependencyList): IAnswer<T> {
  const [answer, setAnswer] = React.useState<{ value?: T; error?: unknown }>({});
  const [turn, setTurn] = React.useState(0);
  React.useEffect(() => {
    const abort = new AbortController();
    ask(abort.signal).then(
      value => abort.signal.aborted || setAnswer({ value }),
      error => abort.signal.aborted || setAnswer(was => ({ value: was.value, error }))
    );
    return () => abort.abort();
  }, [...on, turn]);
  return { ...answer, again: () => setTurn(was => was + 1) };
}
