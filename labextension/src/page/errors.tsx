/** What failed, grouped by cause: how often, where in the user's code, on which item; and a way to look into it. */
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { IErrorGroup, IErrorGroups, IErrorItems, IJob } from '../api';
import { useAnswer } from '../components/hooks';
import { Empty, Problem } from '../components/problem';
import { listErrorItems, listErrors, merged } from '../request';
import { CommandIDs } from '../tokens';
import { trans } from '../translation';
import { marked, number, oneLine, plain, shortTime } from '../wording';

const PAGE = 50;

export function Errors(props: { job: IJob; commands: CommandRegistry }): JSX.Element {
  const { job, commands } = props;
  const [waiting, setWaiting] = React.useState(0);
  const [count, setCount] = React.useState(PAGE);
  const [fresh, setFresh] = React.useState(0);
  const { value, error, again } = useAnswer<IErrorGroups | null>(
    signal =>
      job.failed
        ? merged(() => listErrors(job.job_id, 0, count, fresh > 0), setWaiting, signal)
        : Promise.resolve(null),
    [job.job_id, job.state, job.failed > 0, count, fresh]
  );
  if (error) {
    return <Problem error={error} again={again} />;
  }
  if (!job.failed) {
    return <Empty>{trans.__('No item of this job failed.')}</Empty>;
  }
  if (!value) {
    return <Empty>{waiting ? trans.__('The errors are being gathered…') : trans.__('Reading the errors…')}</Empty>;
  }
  return (
    <div>
      <div className="jp-Featx-toolbar">
        <span>
          {marked(trans._n('%1 failed item', '%1 failed items', value.items), value.items)} ·{' '}
          {marked(trans._n('%1 cause', '%1 causes', value.total), value.total)}
        </span>
        {job.failed > value.items ? (
          <button className="jp-Button jp-mod-styled" onClick={() => setFresh(fresh + 1)}>
            {trans.__('Look for more')}
          </button>
        ) : null}
      </div>
      {value.groups.map(group => (
        <Group key={group.group} job={job} group={group} commands={commands} />
      ))}
      {value.groups.length < value.total ? (
        <button className="jp-Button jp-mod-styled" onClick={() => setCount(count + PAGE)}>
          {trans.__('Show more causes')}
        </button>
      ) : null}
    </div>
  );
}

function Reproduce(props: { job: IJob; source: string; commands: CommandRegistry }): JSX.Element {
  const { job, source, commands } = props;
  return (
    <button
      className="jp-Button jp-mod-styled"
      title={trans.__('Insert a cell that runs your functions on this item')}
      onClick={() => void commands.execute(CommandIDs.reproduce, { path: job.notebook_path ?? '', source })}
    >
      {trans.__('Open failing item')}
    </button>
  );
}

function Group(props: { job: IJob; group: IErrorGroup; commands: CommandRegistry }): JSX.Element {
  const { job, group, commands } = props;
  const [open, setOpen] = React.useState(false);
  return (
    <section className="jp-Featx-errorGroup" aria-label={oneLine(group.message, 80)}>
      <div className="jp-Featx-errorHead">
        <span className="jp-Featx-badge">{number(group.count)}</span>
        <strong>{oneLine(group.type || group.kind, 80)}</strong>
        <bdi className="jp-Featx-errorMessage">{oneLine(group.message, 400)}</bdi>
      </div>
      {group.code || group.where ? (
        <div className="jp-Featx-errorCode">
          <span className="jp-mod-quiet">{oneLine(group.where, 120)}</span>
          {group.code ? (
            <pre>
              <bdi>{plain(group.code).slice(0, 500)}</bdi>
            </pre>
          ) : null}
        </div>
      ) : null}
      <div>
        <span className="jp-mod-quiet">{trans.__('for example')}</span> <bdi>{oneLine(group.example, 300)}</bdi>
      </div>
      <div className="jp-Featx-toolbar">
        <Reproduce job={job} source={group.reproduce} commands={commands} />
        <button className="jp-Button jp-mod-styled" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open
            ? trans.__('Hide the items')
            : marked(trans._n('Show the item', 'Show all %1 items', group.count), group.count)}
        </button>
      </div>
      {open ? <Items job={job} group={group} commands={commands} /> : null}
    </section>
  );
}

function Items(props: { job: IJob; group: IErrorGroup; commands: CommandRegistry }): JSX.Element {
  const { job, group, commands } = props;
  const [count, setCount] = React.useState(PAGE);
  const { value, error, again } = useAnswer<IErrorItems>(
    signal =>
      merged(
        () => listErrorItems(job.job_id, group.group, 0, count),
        () => undefined,
        signal
      ),
    [job.job_id, group.group, count]
  );
  if (error) {
    return <Problem error={error} again={again} />;
  }
  if (!value) {
    return <Empty>{trans.__('Reading the items…')}</Empty>;
  }
  return (
    <ul className="jp-Featx-errorItems">
      {value.items.map(item => (
        <li key={item.item}>
          <details>
            <summary>
              <bdi>{oneLine(item.item, 200)}</bdi>{' '}
              <span className="jp-mod-quiet">
                {[shortTime(item.seconds), oneLine(item.host, 40), trans.__('attempt %1', item.attempt)].join(' · ')}
              </span>
            </summary>
            <p>
              <bdi>{plain(item.message).slice(0, 2000)}</bdi>
            </p>
            {item.traceback ? <pre>{plain(item.traceback).slice(0, 20_000)}</pre> : null}
            <Reproduce job={job} source={item.reproduce} commands={commands} />
          </details>
        </li>
      ))}
      {value.items.length < value.total ? (
        <li>
          <button
            className="jp-Button jp-mod-styled"
            onClick={() => setCount(Math.min(1000, count * 4))}
            disabled={count >= 1000}
          >
            {trans.__('Show more items')}
          </button>
        </li>
      ) : null}
    </ul>
  );
}
