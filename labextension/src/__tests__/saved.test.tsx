import { CommandRegistry } from '@lumino/commands';
import { cleanup, render } from '@testing-library/react';
import * as React from 'react';
import { afterEach, expect, test } from 'vitest';
import { Live } from '../live';
import { JobsModel } from '../model';
import { savedJob } from '../saved';
import { HOSTILE, job } from './jobs';

afterEach(cleanup);

const FACTS = {
  name: 'one',
  state: 'running',
  reason: 'why',
  total: 9,
  done: 4,
  rate: 0.5,
  eta_seconds: 3.5,
  created: 1000,
  now: 1001
};

test('what a kernel writes is taken as it is', () => {
  expect(savedJob({ job_id: 'one-1a2b', snapshot: FACTS })).toEqual({ job_id: 'one-1a2b', snapshot: FACTS });
});

test.each([
  [null],
  [undefined],
  ['one-1a2b'],
  [[]],
  [{}],
  [{ job_id: 7 }],
  [{ job_id: { toString: 'x' } }],
  [{ job_id: '../../api/shutdown' }],
  [{ job_id: '..' }],
  [{ job_id: HOSTILE }],
  [{ job_id: 'x'.repeat(1000) }]
])('what is no job is not drawn: %j', data => {
  expect(savedJob(data)).toBeNull();
});

test.each([[null], ['x'], [7], [[1, 2]], [undefined]])('a snapshot that is none gives no facts: %j', snapshot => {
  expect(savedJob({ job_id: 'one-1a2b', snapshot })).toEqual({ job_id: 'one-1a2b', snapshot: {} });
});

test('facts of the wrong kind, and those that are the server’s to say, are left out', () => {
  const snapshot = {
    name: { $$typeof: 'Symbol(react.element)', type: 'script' },
    state: 'owned',
    reason: ['x'],
    total: '9',
    done: -1,
    failed: 1e300,
    running: Infinity,
    rate: NaN,
    created: 'now',
    job_id: 'other-0000',
    actions: { delete: true },
    folder_path: 'secret',
    notes: 'x'
  };
  expect(savedJob({ job_id: 'one-1a2b', snapshot })).toEqual({ job_id: 'one-1a2b', snapshot: {} });
});

test('a word from the future does not outlast the server’s own', () => {
  expect(savedJob({ job_id: 'one-1a2b', snapshot: { now: 9e9, state: 'failed' } })?.snapshot).toEqual({
    state: 'failed'
  });
  const now = Date.now() / 1000;
  expect(savedJob({ job_id: 'one-1a2b', snapshot: { now } })?.snapshot).toEqual({ now });
});

test('a text of megabytes is cut', () => {
  const snapshot = { name: 'x'.repeat(5_000_000) };
  expect(savedJob({ job_id: 'one-1a2b', snapshot })?.snapshot.name?.length).toBe(2_000);
});

test('a notebook cannot say of a known job that it is another one', async () => {
  const jobs = new JobsModel({ listJobs: async () => ({ jobs: [job()], total: 1 }), readJob: async () => job() });
  await jobs.refresh();
  const bundle = savedJob({ job_id: 'one-1a2b', snapshot: { job_id: 'other-0000', name: HOSTILE, now: 9e9 } });
  const { container } = render(<Live bundle={bundle!} jobs={jobs} commands={new CommandRegistry()} />);
  expect(container.querySelector('article')?.getAttribute('data-job')).toBe('one-1a2b');
  expect(container.querySelector('script, img')).toBeNull();
  expect((window as any).bad).toBeUndefined();
});
