/** Which jobs the panel shows, in which order, under which notebook: pure functions. */
import type { IJob, State } from './api';
import { PathExt } from '@jupyterlab/coreutils';

export type Sort = 'created' | 'name' | 'state' | 'progress' | 'failed';

export interface IView {
  search: string;
  state: State | '';
  sort: Sort;
  closed: readonly string[]; // notebooks whose jobs are folded away
}

export const PLAIN_VIEW: IView = { search: '', state: '', sort: 'created', closed: [] };

const ORDER: readonly State[] = ['running', 'queued', 'new', 'failed', 'cancelled', 'completed'];
const share = (job: IJob) => (job.total ? (job.done + job.failed) / job.total : 0);

const COMPARE: Record<Sort, (a: IJob, b: IJob) => number> = {
  created: () => 0, // the list is newest first
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  state: (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state),
  progress: (a, b) => share(b) - share(a),
  failed: (a, b) => b.failed - a.failed
};

export interface IGroup {
  key: string; // the notebook's path; "" for jobs of none
  title: string;
  path: string | null; // for the file browser
  jobs: IJob[];
}

/** Return the jobs that hold every word that is searched for. */
export function found(jobs: readonly IJob[], search: string): readonly IJob[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) {
    return jobs;
  }
  return jobs.filter(job => {
    const text = [job.job_id, job.name, job.notebook ?? '', job.data, job.reason].join('\n').toLowerCase();
    return words.every(word => text.includes(word));
  });
}

/** Return how many there are of each state. */
export function countStates(jobs: readonly IJob[]): Partial<Record<State, number>> {
  const counts: Partial<Record<State, number>> = {};
  jobs.forEach(job => (counts[job.state] = (counts[job.state] ?? 0) + 1));
  return counts;
}

/** Return the jobs that are shown, by notebook; the notebook whose job is first in the order comes first. */
export function grouped(jobs: readonly IJob[], view: IView): IGroup[] {
  const shown = view.state ? jobs.filter(job => job.state === view.state) : jobs;
  const sorted = view.sort === 'created' ? shown : [...shown].sort(COMPARE[view.sort]);
  const groups = new Map<string, IGroup>();
  for (const job of sorted) {
    const key = job.notebook ?? '';
    let group = groups.get(key);
    if (!group) {
      group = { key, title: key ? PathExt.basename(key) : '', path: job.notebook_path, jobs: [] };
      groups.set(key, group);
    }
    group.jobs.push(job);
  }
  return [...groups.values()];
}

type Row = { group: IGroup; job?: undefined } | { group: IGroup; job: IJob };

/** Return the rows from top to bottom: a notebook, its jobs, the next notebook. */
export function rows(groups: readonly IGroup[], closed: readonly string[]): Row[] {
  const hidden = new Set(closed);
  return groups.flatMap<Row>(group => [
    { group },
    ...(hidden.has(group.key) ? [] : group.jobs.map(job => ({ group, job })))
  ]);
}
