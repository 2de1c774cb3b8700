/** How the job goes: speed, seconds per item and workers busy, over time. */
import * as React from 'react';
import type { IChart, IJob } from '../api';
import { BarChart, LineChart } from '../components/charts';
import { useAnswer } from '../components/hooks';
import { Empty, Problem } from '../components/problem';
import { active } from '../model';
import { readChart } from '../request';
import { trans } from '../translation';
import { duration, number, oneLine, rate, shortTime, threeDigits, when } from '../wording';

const AGAIN = 3; // seconds between two readings of a job that runs

export function Overview(props: { job: IJob }): JSX.Element {
  const { job } = props;
  const turn = active(job) ? Math.floor(job.now / AGAIN) : 0;
  const { value, error, again } = useAnswer(() => readChart(job.job_id), [job.job_id, job.state, turn]);
  return (
    <div>
      {error ? <Problem error={error} again={again} /> : null}
      {value ? <Charts chart={value} ended={!active(job)} /> : null}
      <Facts job={job} />
    </div>
  );
}

/** Leave out what was told after the last item: there is no speed any more. */
function worked(points: IChart['points']): IChart['points'] {
  const last = points[points.length - 1];
  const end = points.findIndex(point => point.done + point.failed === last.done + last.failed);
  return points.slice(0, Math.max(2, end + 1));
}

function Charts(props: { chart: IChart; ended: boolean }): JSX.Element {
  const { histogram } = props.chart;
  const points = props.ended ? worked(props.chart.points) : props.chart.points;
  if (!points.length && !histogram.sampled) {
    return <Empty>{trans.__('Charts appear once items are finished.')}</Empty>;
  }
  const first = points[0]?.time ?? 0;
  const span = { from: when(first), to: duration((points[points.length - 1]?.time ?? first) - first) };
  const fastest = points.reduce((most, point) => Math.max(most, point.rate), 0);
  const workers = points.reduce((most, point) => Math.max(most, point.workers), 0);
  const busiest = points.reduce((most, point) => Math.max(most, point.busy), 0);
  const { edges, counts } = histogram;
  return (
    <div className="jp-Featx-charts">
      {points.length ? (
        <LineChart
          title={trans.__('Items per second')}
          summary={trans.__('at most %1', rate(fastest))}
          points={points.map(point => [point.time, point.rate] as const)}
          {...span}
        />
      ) : null}
      {counts.length ? (
        <BarChart
          title={trans.__('Seconds per item')}
          summary={trans.__(
            'median %1, 95 of 100 items below %2, longest %3',
            shortTime(histogram.median),
            shortTime(histogram.p95),
            shortTime(histogram.max)
          )}
          values={counts}
          labels={counts.map((count, i) => `${shortTime(edges[i])} – ${shortTime(edges[i + 1])}: ${number(count)}`)}
          from={shortTime(edges[0])}
          to={shortTime(edges[edges.length - 1])}
        />
      ) : null}
      {points.length ? (
        <LineChart
          title={trans.__('Workers busy')}
          summary={trans.__('at most %1 of %2', number(busiest), number(workers))}
          points={points.map(point => [point.time, point.busy] as const)}
          stepped
          unit={threeDigits}
          {...span}
        />
      ) : null}
    </div>
  );
}

/** Return what was asked of the scheduler, in its own words. */
function words(allocation: IJob['allocation']): string[] {
  return Object.entries(allocation)
    .filter(([, value]) => value && (typeof value !== 'object' || (value as unknown[]).length))
    .map(([key, value]) => `${key} ${oneLine(Array.isArray(value) ? value.join(' ') : value, 60)}`);
}

function Facts(props: { job: IJob }): JSX.Element {
  const { job } = props;
  const { limits, resources, allocation } = job;
  const memory = limits.item_memory_mb;
  const facts: [string, React.ReactNode][] = [
    [trans.__('Dataset'), <bdi>{oneLine(job.data, 300)}</bdi>],
    [trans.__('Notebook'), job.notebook ? <bdi>{oneLine(job.notebook, 300)}</bdi> : '–'],
    [trans.__('Folder'), <bdi>{oneLine(job.folder, 300)}</bdi>],
    [trans.__('Submitted'), when(job.created)],
    [trans.__('Started'), when(job.started)],
    [trans.__('Ended'), when(job.ended)],
    [trans.__('Where'), [job.scheduler, ...words(allocation)].join(', ')],
    [
      trans.__('Cores'),
      `${number(job.cores)}${resources.threads && resources.threads > 1 ? ` × ${resources.threads}` : ''}`
    ],
    [trans.__('Container'), job.container ? <bdi>{oneLine(job.container, 200)}</bdi> : '–'],
    [
      trans.__('Limits'),
      [
        resources.walltime_seconds && trans.__('walltime %1', duration(resources.walltime_seconds)),
        limits.item_timeout_seconds && trans.__('%1 an item', duration(limits.item_timeout_seconds)),
        memory && trans.__('%1 MB an item', number(memory)),
        limits.max_failures !== null && limits.max_failures !== undefined
          ? trans.__('stops after %1 failures', number(limits.max_failures))
          : ''
      ]
        .filter(Boolean)
        .join(', ') || '–'
    ],
    [trans.__('Code'), <code>{oneLine(job.template_digest, 20)}</code>]
  ];
  return (
    <dl className="jp-Featx-facts">
      {facts.map(([label, value]) => (
        <React.Fragment key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </React.Fragment>
      ))}
    </dl>
  );
}
