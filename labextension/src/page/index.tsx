/** The page of one job in the main area: a tab for each thing there is to see of it. */
import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, ReactWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { useJob, useNow } from '../components/hooks';
import { Actions } from '../components/jobrow';
import { Bar, Counts, nameOf, pace, place, reason, StateBadge } from '../components/jobfacts';
import { Empty, Problem } from '../components/problem';
import { Panels } from '../components/tabs';
import { featxIcon } from '../icons';
import { CommandIDs, IJobs, Tab } from '../tokens';
import { trans } from '../translation';
import { number, oneLine } from '../wording';
import { Attempts } from './attempts';
import { Errors } from './errors';
import { Log } from './log';
import { Overview } from './overview';
import { Result } from './result';
import { Script } from './script';

interface IPageProps {
  jobId: string;
  jobs: IJobs;
  commands: CommandRegistry;
  tab: Tab;
  choose(tab: Tab): void;
}

function Page(props: IPageProps): JSX.Element {
  const { jobId, jobs, commands } = props;
  const job = useJob(jobs, jobId);
  const [error, setError] = React.useState<unknown>(null);
  const now = useNow(job?.state === 'running');
  const read = React.useCallback(() => {
    setError(null);
    jobs.read(jobId).catch(setError);
  }, [jobs, jobId]);
  React.useEffect(read, [read]);
  if (!job) {
    return error ? <Problem error={error} again={read} /> : <Empty>{trans.__('Reading the job…')}</Empty>;
  }
  const tabs: { id: Tab; label: string; body: () => JSX.Element }[] = [
    { id: 'overview', label: trans.__('Overview'), body: () => <Overview job={job} /> },
    {
      id: 'errors',
      label: job.failed ? trans.__('Errors (%1)', number(job.failed)) : trans.__('Errors'),
      body: () => <Errors job={job} commands={commands} />
    },
    { id: 'log', label: trans.__('Log'), body: () => <Log job={job} /> },
    { id: 'result', label: trans.__('Result'), body: () => <Result job={job} /> },
    { id: 'script', label: trans.__('Script'), body: () => <Script job={job} /> },
    { id: 'attempts', label: trans.__('Attempts (%1)', number(job.attempt_count)), body: () => <Attempts job={job} /> }
  ];
  const why = reason(job);
  return (
    <div className="jp-Featx-page">
      <header className="jp-Featx-pageHead">
        <div className="jp-Featx-jobHead">
          <h2>
            <bdi>{nameOf(job, 100)}</bdi>
          </h2>
          <StateBadge state={job.state} />
          <code className="jp-Featx-id">{job.job_id}</code>
        </div>
        <Bar job={job} />
        <div className="jp-Featx-line">
          <Counts job={job} /> <span className="jp-mod-quiet">· {[...pace(job), ...place(job, now)].join(' · ')}</span>
        </div>
        {why ? (
          <p className={`jp-Featx-why jp-mod-${job.state}`}>
            <bdi>{why}</bdi>
          </p>
        ) : null}
        {job.notes.map(note => (
          <p key={note} className="jp-Featx-why">
            <bdi>{oneLine(note, 500)}</bdi>
          </p>
        ))}
        {jobs.problem ? <Problem error={jobs.problem} again={() => void jobs.refresh()} /> : null}
        <Actions job={job} commands={commands} />
      </header>
      <Panels label={trans.__('What to see of the job')} tabs={tabs} chosen={props.tab} choose={props.choose} />
    </div>
  );
}

/** The widget of the page; its title follows the job. */
class PageWidget extends ReactWidget {
  private _tab: Tab = 'overview';

  constructor(
    readonly jobId: string,
    private readonly jobs: IJobs,
    private readonly commands: CommandRegistry,
    private readonly changed: () => void
  ) {
    super();
    this.addClass('jp-Featx');
    this.jobs.jobsChanged.connect(this.rename, this);
    this.rename();
  }

  /** Which tab is in front. */
  get tab(): Tab {
    return this._tab;
  }

  /** Bring a tab to the front. */
  turnTo(tab: Tab): void {
    this._tab = tab;
    this.changed();
    this.update();
  }

  dispose(): void {
    this.jobs.jobsChanged.disconnect(this.rename, this);
    super.dispose();
  }

  protected render(): JSX.Element {
    return (
      <Page
        jobId={this.jobId}
        jobs={this.jobs}
        commands={this.commands}
        tab={this.tab}
        choose={tab => this.turnTo(tab)}
      />
    );
  }

  private rename(): void {
    const job = this.jobs.get(this.jobId);
    const label = job ? nameOf(job, 40) : oneLine(this.jobId, 40);
    // The main area's tab shows the title of the widget round this one, which follows it.
    if (this.title.label !== label) {
      this.title.label = label;
      this.title.caption = `${label} (${this.jobId})`;
    }
  }
}

export const pagePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-featx:page',
  description: 'The page of a job.',
  autoStart: true,
  requires: [IJobs],
  optional: [ILayoutRestorer],
  activate: (app: JupyterFrontEnd, jobs: IJobs, restorer: ILayoutRestorer | null) => {
    const tracker = new WidgetTracker<MainAreaWidget<PageWidget>>({ namespace: 'featx-job' });
    app.commands.addCommand(CommandIDs.open, {
      label: trans.__('Open the job'),
      icon: featxIcon,
      describedBy: {
        args: { type: 'object', properties: { job_id: { type: 'string' }, tab: { type: 'string' } } }
      },
      execute: args => {
        const jobId = (args.job_id as string | undefined) ?? jobs.list[0]?.job_id;
        if (!jobId) {
          return;
        }
        const widget = tracker.find(one => one.content.jobId === jobId) ?? create(jobId);
        if (args.tab) {
          widget.content.turnTo(args.tab as Tab);
        }
        if (!widget.isAttached) {
          app.shell.add(widget, 'main', { type: 'featX job' });
        }
        app.shell.activateById(widget.id);
      }
    });
    const create = (jobId: string): MainAreaWidget<PageWidget> => {
      const content = new PageWidget(jobId, jobs, app.commands, () => void tracker.save(widget));
      const widget: MainAreaWidget<PageWidget> = new MainAreaWidget({ content });
      widget.id = `featx-job-${jobId}`;
      widget.title.icon = featxIcon;
      widget.title.closable = true;
      void tracker.add(widget);
      return widget;
    };
    void restorer?.restore(tracker, {
      command: CommandIDs.open,
      args: widget => ({ job_id: widget.content.jobId, tab: widget.content.tab }),
      name: widget => widget.content.jobId
    });
  }
};
