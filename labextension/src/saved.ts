/** What a notebook holds of a job is anybody's word: only facts of the right kind are taken from it. */
import { IJob, State, STATES } from './api';

/** A job as the output of a cell holds it. */
export interface IBundle {
  job_id: string;
  snapshot: Partial<IJob>;
}

const JOB_ID = /^[a-z0-9][a-z0-9_-]{0,47}$/;
const TEXTS = ['name', 'reason'] as const;
const COUNTS = [
  'total',
  'done',
  'failed',
  'running',
  'remaining',
  'missing',
  'rate',
  'seconds',
  'cores',
  'now'
] as const;
const TIMES = ['eta_seconds', 'created', 'started', 'ended'] as const;
const LONGEST = 2_000;
const AHEAD_SECONDS = 60; // as far as two clocks may differ

/** Return what can be drawn of it; null for what is no job. What can be done with a job, only the server says. */
export function savedJob(data: unknown): IBundle | null {
  const { job_id, snapshot } = record(data);
  if (typeof job_id !== 'string' || !JOB_ID.test(job_id)) {
    return null;
  }
  const given = record(snapshot);
  const taken: Record<string, unknown> = {};
  if (STATES.includes(given.state as State)) {
    taken.state = given.state;
  }
  for (const name of TEXTS) {
    const text = given[name];
    if (typeof text === 'string') {
      taken[name] = text.slice(0, LONGEST);
    }
  }
  for (const name of [...COUNTS, ...TIMES]) {
    const value = given[name];
    if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) {
      taken[name] = value;
    }
  }
  if ((taken.now as number) > Date.now() / 1000 + AHEAD_SECONDS) {
    delete taken.now; // from the future: it would outlast the server's own word
  }
  return { job_id, snapshot: taken };
}

function record(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
}
