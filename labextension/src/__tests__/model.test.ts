import { expect, test } from 'vitest';
import type { IJob } from '../api';
import { JOB_EVENTS } from '../api';
import { JobsModel } from '../model';
import { RequestError } from '../request';
import { job } from './jobs';

function server(jobs: IJob[]) {
  return {
    jobs,
    calls: 0,
    async listJobs(offset: number, limit: number, state?: string) {
      this.calls++;
      const found = state ? this.jobs.filter(one => state.split(',').includes(one.state)) : this.jobs;
      return { jobs: found.slice(offset, offset + limit), total: found.length };
    },
    async readJob(job_id: string): Promise<IJob> {
      const found = this.jobs.find(one => one.job_id === job_id);
      if (!found) {
        throw new RequestError('refused', 'No job', '', 'job_not_found', 404);
      }
      return found;
    }
  };
}

const event = (change: string, job_id: string, one: IJob | null) =>
  ({ schema_id: JOB_EVENTS, change, job_id, job: one }) as any;

test('all pages are read, newest first', async () => {
  const many = Array.from({ length: 2500 }, (_, i) => job({ job_id: `j${i}`, created: i }));
  const from = server(many);
  const model = new JobsModel(from);
  await model.refresh();
  expect(from.calls).toBe(3);
  expect(model.list).toHaveLength(2500);
  expect(model.list[0].job_id).toBe('j2499');
});

test('a snapshot of the event bus changes one job, and an older one changes nothing', async () => {
  const model = new JobsModel(server([job()]));
  await model.refresh();
  const told: unknown[] = [];
  model.jobsChanged.connect((_, ids) => told.push(ids));
  model.hear(event('changed', 'one-1a2b', job({ done: 50, now: 2000 })));
  model.hear(event('changed', 'one-1a2b', job({ done: 41, now: 1500 })));
  model.hear({ schema_id: 'https://others.org' } as any);
  expect(model.get('one-1a2b')?.done).toBe(50);
  expect(told).toEqual([['one-1a2b']]);
});

test('a job that was seen active is told of when it ends, once', async () => {
  const model = new JobsModel(server([job()]));
  await model.refresh();
  const ended: string[] = [];
  model.jobEnded.connect((_, one) => ended.push(one.state));
  const last = job({ state: 'completed', now: 3000 });
  model.hear(event('changed', 'one-1a2b', last));
  model.hear(event('changed', 'one-1a2b', { ...last, now: 3001 }));
  expect(ended).toEqual(['completed']);
});

test('a deleted job goes, by event or because the list has it no more', async () => {
  const from = server([job(), job({ job_id: 'two' })]);
  const model = new JobsModel(from);
  await model.refresh();
  model.hear(event('deleted', 'two', null));
  expect(model.list).toHaveLength(1);
  from.jobs = [];
  await model.refresh();
  expect(model.list).toHaveLength(0);
});

test('a dead server is a problem until it answers again', async () => {
  const from = server([job()]);
  const model = new JobsModel(from);
  await model.refresh();
  const answers = from.listJobs;
  from.listJobs = async () => {
    throw new RequestError('dead', 'nobody there');
  };
  await model.refresh();
  expect(model.problem?.failure).toBe('dead');
  expect(model.list).toHaveLength(1);
  from.listJobs = answers;
  await model.refresh();
  expect(model.problem).toBeNull();
});
