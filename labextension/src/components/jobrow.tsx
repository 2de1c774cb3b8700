/** A job on a few lines with its actions: the row of the panel, and the live output of a cell. */
import type { CommandRegistry } from '@lumino/commands';
import { ellipsesIcon } from '@jupyterlab/ui-components';
import { Menu } from '@lumino/widgets';
import * as React from 'react';
import type { IJob } from '../api';
import { CommandIDs } from '../tokens';
import { trans } from '../translation';
import { oneLine } from '../wording';
import { Bar, Counts, nameOf, pace, place, reason, StateBadge } from './jobfacts';

const SHOWN = [
  CommandIDs.result,
  CommandIDs.errors,
  CommandIDs.log,
  CommandIDs.script,
  CommandIDs.cancel,
  CommandIDs.retry
];
const LATER = [
  CommandIDs.open,
  CommandIDs.result,
  CommandIDs.errors,
  CommandIDs.log,
  CommandIDs.script,
  '',
  CommandIDs.cancel,
  CommandIDs.retry,
  CommandIDs.resubmit,
  '',
  CommandIDs.copyId,
  CommandIDs.folder,
  CommandIDs.notebook,
  '',
  CommandIDs.remove
];

/** Show all that can be done with a job, at this place. */
function openMenu(commands: CommandRegistry, job_id: string, x: number, y: number): void {
  const menu = new Menu({ commands });
  for (const command of LATER) {
    menu.addItem(command ? { command, args: { job_id } } : { type: 'separator' });
  }
  // It is still needed by the command it runs when it closes.
  menu.aboutToClose.connect(() => window.setTimeout(() => menu.dispose(), 1000));
  menu.open(x, y);
}

export function Actions(props: { job: IJob; commands: CommandRegistry }): JSX.Element {
  const { job, commands } = props;
  const args = { job_id: job.job_id };
  const more = (event: React.MouseEvent<HTMLButtonElement>) => {
    event.stopPropagation();
    const { left, bottom } = event.currentTarget.getBoundingClientRect();
    openMenu(commands, job.job_id, left, bottom);
  };
  return (
    <div className="jp-Featx-actions" role="group" aria-label={trans.__('Actions on %1', nameOf(job, 40))}>
      {SHOWN.filter(id => commands.hasCommand(id) && commands.isEnabled(id, args)).map(id => {
        const icon = commands.icon(id, args) as any;
        const label = commands.label(id, args);
        return (
          <button
            key={id}
            className="jp-Featx-action"
            title={label}
            aria-label={label}
            onClick={event => {
              event.stopPropagation();
              void commands.execute(id, args);
            }}
          >
            {icon ? <icon.react tag="span" aria-hidden="true" /> : null}
            <span>{label.replace('…', '')}</span>
          </button>
        );
      })}
      <button
        className="jp-Featx-action jp-mod-more"
        title={trans.__('More')}
        aria-label={trans.__('More actions')}
        aria-haspopup="menu"
        onClick={more}
      >
        <ellipsesIcon.react tag="span" aria-hidden="true" />
      </button>
    </div>
  );
}

interface IJobRowProps {
  job: IJob;
  commands: CommandRegistry;
  now: number;
  /** What is known is not what is now. */
  note?: string;
}

export function JobRow(props: IJobRowProps): JSX.Element {
  const { job, commands, now } = props;
  const why = props.note ?? reason(job);
  return (
    <article
      className={`jp-Featx-job jp-mod-${job.state}`}
      data-job={job.job_id}
      aria-label={nameOf(job)}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        openMenu(commands, job.job_id, event.clientX, event.clientY);
      }}
    >
      <div className="jp-Featx-jobHead">
        <button
          className="jp-Featx-jobName"
          title={oneLine(`${job.name} (${job.job_id})`, 200)}
          onClick={() => void commands.execute(CommandIDs.open, { job_id: job.job_id })}
        >
          <bdi>{nameOf(job)}</bdi>
        </button>
        <StateBadge state={job.state} />
      </div>
      <Bar job={job} />
      <div className="jp-Featx-line">
        <Counts job={job} />
      </div>
      <div className={`jp-Featx-line ${why ? 'jp-mod-reason' : 'jp-mod-quiet'}`} title={why}>
        <bdi>{why || pace(job).join(' · ') || job.job_id}</bdi>
      </div>
      <div className="jp-Featx-line jp-mod-quiet" title={place(job, now).join(', ')}>
        {place(job, now).join(' · ')}
      </div>
      <Actions job={job} commands={commands} />
    </article>
  );
}
