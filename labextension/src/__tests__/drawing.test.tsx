import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { afterEach, expect, test } from 'vitest';
import { PLAIN_VIEW } from '../arrange';
import { BarChart, roundUp } from '../components/charts';
import { pace, place, reason } from '../components/jobfacts';
import { JobRow } from '../components/jobrow';
import { JobsModel } from '../model';
import { notice } from '../notices';
import { Panel } from '../panel';
import { RequestError } from '../request';
import { HOSTILE, job } from './jobs';

afterEach(cleanup);

function model(jobs: any[], problem?: RequestError): JobsModel {
  return new JobsModel({
    listJobs: async (offset: number, limit: number) => {
      if (problem) {
        throw problem;
      }
      return { jobs: jobs.slice(offset, offset + limit), total: jobs.length };
    },
    readJob: async () => jobs[0]
  });
}

async function panel(jobs: any[], problem?: RequestError) {
  const found = model(jobs, problem);
  await found.refresh();
  return render(<Panel jobs={found} commands={new CommandRegistry()} view={PLAIN_VIEW} remember={() => undefined} />);
}

test('a row says state, counts, speed and time left', () => {
  render(<JobRow job={job()} commands={new CommandRegistry()} now={1027} />);
  expect(screen.getByText('running')).toBeTruthy();
  const bar = screen.getByRole('progressbar');
  expect(bar.getAttribute('aria-valuenow')).toBe('43');
  expect(bar.getAttribute('aria-valuetext')).toBe('40 of 100 done, 3 failed, 2 running');
  expect(pace(job())).toContain('2.5 items/s');
  expect(place(job(), 1027)).toContain('ran 17 s');
});

test('a hostile name is text and nothing else', () => {
  const { container } = render(
    <JobRow job={job({ name: HOSTILE, reason: HOSTILE, state: 'failed' })} commands={new CommandRegistry()} now={0} />
  );
  expect(container.querySelector('script, img')).toBeNull();
  expect(container.textContent).not.toMatch(/[\u202e\x1b\x00]/);
  expect((window as any).bad).toBeUndefined();
});

test('a scheduler that does not answer is said, with what that means', () => {
  expect(reason(job({ unknown_since: 1000 }))).toMatch(/does not answer since .* goes on/);
  expect(reason(job({ state: 'completed', reason: 'complete' }))).toBe('');
});

test('five thousand jobs are a few rows of the page', async () => {
  const { container } = await panel(Array.from({ length: 5000 }, (_, i) => job({ job_id: `j${i}`, name: `job ${i}` })));
  expect(container.querySelectorAll('article').length).toBeLessThan(30);
  expect(screen.getByRole('button', { name: 'running 5,000' })).toBeTruthy();
});

test('search and filter say when nothing fits, and show all again', async () => {
  await panel([job()]);
  fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'nothing like it' } });
  fireEvent.click(screen.getByRole('button', { name: 'Show all jobs' }));
  expect(screen.getByRole('article')).toBeTruthy();
});

test('an empty list says what to type', async () => {
  const { container } = await panel([]);
  expect(container.textContent).toContain('%%featx submit --data FOLDER');
});

test('a dead server, an expired login and a server without us each say what to do', async () => {
  await panel([], new RequestError('dead', 'It does not answer.', 'Start it again.'));
  expect(screen.getByRole('alert').textContent).toContain('Start it again.');
  cleanup();
  await panel([], new RequestError('login', 'Your login is over.'));
  expect(screen.getByRole('button', { name: 'Reload' })).toBeTruthy();
});

test('the end of a job is told in its own colour', () => {
  expect(notice(job({ state: 'completed', failed: 0 }))).toMatchObject({ type: 'success', tab: 'result' });
  expect(notice(job({ state: 'completed' }))).toMatchObject({ type: 'warning', tab: 'errors' });
  expect(notice(job({ state: 'failed', words: 'out of memory' })).text).toContain('out of memory');
});

test('a chart has a summary for those who do not see it', () => {
  render(<BarChart title="Time" summary="at most 3 s" values={[1, 3]} from="0" to="3" />);
  expect(screen.getByRole('img').getAttribute('aria-label')).toBe('Time: at most 3 s');
  expect([0, 3, 12, 180].map(roundUp)).toEqual([1, 5, 20, 200]);
});
