/** Jobs for the tests. */
import type { IJob } from '../api';

export function job(part: Partial<IJob> = {}): IJob {
  return {
    job_id: 'one-1a2b',
    name: 'one',
    state: 'running',
    reason: '',
    words: '',
    notes: [],
    total: 100,
    done: 40,
    failed: 3,
    running: 2,
    remaining: 57,
    missing: 0,
    rate: 2.5,
    eta_seconds: 22.8,
    seconds: 16,
    created: 1_000,
    started: 1_010,
    ended: null,
    cores: 2,
    scheduler: 'local',
    data: '/data',
    notebook: '/home/u/note.ipynb',
    notebook_path: 'note.ipynb',
    folder: '/home/u/featx/jobs/one-1a2b',
    folder_path: null,
    merged_rows: null,
    expected_start: null,
    unknown_since: null,
    attempts: [],
    attempt_count: 1,
    actions: { cancel: true, retry: false, delete: false, result: true },
    resources: { cores: 2, ranks: 1, threads: 1, walltime_seconds: null, jobs: 1 },
    limits: { item_timeout_seconds: null, item_memory_mb: null, max_failures: null },
    allocation: {},
    container: null,
    template_digest: 'abc',
    now: 1_026,
    ...part
  };
}

/** What an attacker, or an unlucky simulation, may put into any text. */
export const HOSTILE =
  '<script>window.bad=1</script><img src=x onerror="window.bad=1">\u202egnp.\x1b[31mred\x1b]0;t\x07\u0000';
