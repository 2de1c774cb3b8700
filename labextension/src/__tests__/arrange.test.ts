import { expect, test } from 'vitest';
import { countStates, found, grouped, PLAIN_VIEW, rows } from '../arrange';
import { job } from './jobs';

const jobs = [
  job({ job_id: 'c', name: 'gamma', state: 'completed', notebook: null, notebook_path: null, done: 100, failed: 0 }),
  job({ job_id: 'b', name: 'beta', state: 'failed', failed: 9 }),
  job({ job_id: 'a', name: 'alpha' })
];

test('every word that is searched for must be somewhere in the job', () => {
  expect(found(jobs, 'NOTE alph').map(one => one.job_id)).toEqual(['a']);
  expect(found(jobs, ' ')).toBe(jobs);
});

test('jobs stand under their notebook, in the order that was asked for', () => {
  const ids = (sort: any) => grouped(jobs, { ...PLAIN_VIEW, sort }).map(group => group.jobs.map(one => one.job_id));
  expect(ids('created')).toEqual([['c'], ['b', 'a']]);
  expect(ids('name')).toEqual([['a', 'b'], ['c']]);
  expect(ids('failed')).toEqual([['b', 'a'], ['c']]);
  expect(ids('progress')).toEqual([['c'], ['b', 'a']]);
});

test('a filter keeps one state, and the counts know all', () => {
  expect(grouped(jobs, { ...PLAIN_VIEW, state: 'failed' }).flatMap(group => group.jobs)).toHaveLength(1);
  expect(countStates(jobs)).toEqual({ completed: 1, failed: 1, running: 1 });
});

test('the jobs of a notebook can be folded away', () => {
  const groups = grouped(jobs, PLAIN_VIEW);
  expect(rows(groups, [])).toHaveLength(5);
  expect(rows(groups, ['/home/u/note.ipynb'])).toHaveLength(3);
});
