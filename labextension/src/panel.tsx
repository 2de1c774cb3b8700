/** The side panel: the user's jobs by notebook, alive. */
import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ReactWidget } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { addIcon, caretDownIcon, caretRightIcon, notebookIcon, refreshIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { STATES } from './api';
import { countStates, found, grouped, IGroup, IView, PLAIN_VIEW, rows, Sort } from './arrange';
import { useJobs, useNow } from './components/hooks';
import { JobRow } from './components/jobrow';
import { Empty, Problem } from './components/problem';
import { Scroller } from './components/scroller';
import { featxIcon, stateWord } from './icons';
import { active } from './model';
import { CommandIDs, IJobs, PANEL_ID } from './tokens';
import { trans } from './translation';
import { number, oneLine } from './wording';

const JOB_HEIGHT = 124;
const GROUP_HEIGHT = 30;
const VIEW = 'jupyter-featx:panel';

interface IPanelProps {
  jobs: IJobs;
  commands: CommandRegistry;
  view: IView;
  remember(view: IView): void;
}

export function Panel(props: IPanelProps): JSX.Element {
  const { jobs, commands, remember } = props;
  const [view, setView] = React.useState(props.view);
  React.useEffect(() => setView(props.view), [props.view]);
  const turn = useJobs(jobs);
  const now = useNow(jobs.list.some(active));
  const change = (part: Partial<IView>) => {
    const next = { ...view, ...part };
    setView(next);
    remember(next);
  };
  const matching = React.useMemo(() => found(jobs.list, view.search), [turn, view.search]);
  const shown = React.useMemo(() => rows(grouped(matching, view), view.closed), [matching, view]);
  const heights = React.useMemo(() => shown.map(row => (row.job ? JOB_HEIGHT : GROUP_HEIGHT)), [shown]);
  const fold = (key: string) =>
    change({ closed: view.closed.includes(key) ? view.closed.filter(one => one !== key) : [...view.closed, key] });
  return (
    <div className="jp-Featx-panel">
      <Head view={view} change={change} counts={countStates(matching)} commands={commands} />
      {jobs.problem ? <Problem error={jobs.problem} again={() => void jobs.refresh()} /> : null}
      {shown.length ? (
        <Scroller
          heights={heights}
          label={trans.__('Jobs')}
          keyOf={i => shown[i].job?.job_id ?? `notebook ${shown[i].group.key}`}
          draw={i => {
            const { group, job } = shown[i];
            return job ? (
              <JobRow job={job} commands={commands} now={now} />
            ) : (
              <GroupHead
                group={group}
                open={!view.closed.includes(group.key)}
                fold={() => fold(group.key)}
                commands={commands}
              />
            );
          }}
        />
      ) : (
        <Nothing jobs={jobs} clear={() => change({ search: '', state: '' })} />
      )}
    </div>
  );
}

interface IHeadProps {
  view: IView;
  counts: ReturnType<typeof countStates>;
  commands: CommandRegistry;
  change(part: Partial<IView>): void;
}

function Head(props: IHeadProps): JSX.Element {
  const { view, counts, change, commands } = props;
  const sorts: Record<Sort, string> = {
    created: trans.__('Newest first'),
    name: trans.__('By name'),
    state: trans.__('By state'),
    progress: trans.__('By progress'),
    failed: trans.__('Most failures first')
  };
  return (
    <div className="jp-Featx-head">
      <div className="jp-Featx-headLine">
        <button
          className="jp-Button jp-mod-styled jp-mod-accept"
          onClick={() => void commands.execute(CommandIDs.submit)}
        >
          <addIcon.react tag="span" aria-hidden="true" />
          {trans.__('Submit a job')}
        </button>
        <span className="jp-Featx-spring" />
        <button
          className="jp-Featx-action"
          title={trans.__('Refresh jobs')}
          aria-label={trans.__('Refresh jobs')}
          onClick={() => void commands.execute(CommandIDs.refresh)}
        >
          <refreshIcon.react tag="span" aria-hidden="true" />
        </button>
      </div>
      <div className="jp-Featx-headLine">
        <input
          className="jp-mod-styled jp-Featx-search"
          type="search"
          aria-label={trans.__('Search jobs')}
          placeholder={trans.__('Search name, id, notebook, data')}
          value={view.search}
          onChange={event => change({ search: event.target.value })}
        />
      </div>
      <div className="jp-Featx-filters" role="group" aria-label={trans.__('Filter by state')}>
        {STATES.filter(state => counts[state] || view.state === state).map(state => (
          <button
            key={state}
            className="jp-Featx-filter"
            aria-pressed={view.state === state}
            onClick={() => change({ state: view.state === state ? '' : state })}
          >
            {stateWord(state)} {number(counts[state] ?? 0)}
          </button>
        ))}
        <select
          className="jp-mod-styled jp-Featx-sort"
          aria-label={trans.__('Order of the jobs')}
          value={view.sort}
          onChange={event => change({ sort: event.target.value as Sort })}
        >
          {Object.entries(sorts).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

function GroupHead(props: { group: IGroup; open: boolean; fold(): void; commands: CommandRegistry }): JSX.Element {
  const { group, open, fold, commands } = props;
  const Caret = open ? caretDownIcon : caretRightIcon;
  const title = oneLine(group.title, 80) || trans.__('No notebook');
  return (
    <div className="jp-Featx-group">
      <button className="jp-Featx-groupName" aria-expanded={open} title={oneLine(group.key, 300)} onClick={fold}>
        <Caret.react tag="span" aria-hidden="true" />
        <bdi>{title}</bdi>
        <span className="jp-Featx-badge">{number(group.jobs.length)}</span>
      </button>
      {group.path ? (
        <button
          className="jp-Featx-action"
          title={trans.__('Open the notebook')}
          aria-label={trans.__('Open %1', title)}
          onClick={() => void commands.execute('docmanager:open', { path: group.path! })}
        >
          <notebookIcon.react tag="span" aria-hidden="true" />
        </button>
      ) : null}
    </div>
  );
}

function Nothing(props: { jobs: IJobs; clear(): void }): JSX.Element | null {
  const { jobs, clear } = props;
  if (!jobs.ready) {
    return jobs.problem ? null : <Empty>{trans.__('Reading the jobs…')}</Empty>;
  }
  if (jobs.list.length) {
    return (
      <Empty>
        <p>{trans.__('No job fits the search and the filter.')}</p>
        <button className="jp-Button jp-mod-styled" onClick={clear}>
          {trans.__('Show all jobs')}
        </button>
      </Empty>
    );
  }
  return (
    <Empty>
      <p>
        <strong>{trans.__('No jobs yet.')}</strong>
      </p>
      <p>
        {trans.__(
          'In a notebook, write a function that takes the path of one item and gives a dict, with this line above it:'
        )}
      </p>
      <pre>{'%load_ext jupyter_featx'}</pre>
      <pre>{'%%featx submit --data FOLDER\ndef _process_input(path):\n    return {"size": ...}'}</pre>
      <p>{trans.__('Or press “Submit a job” above.')}</p>
    </Empty>
  );
}

class PanelWidget extends ReactWidget {
  private view: IView = PLAIN_VIEW;

  constructor(
    private readonly jobs: IJobs,
    private readonly commands: CommandRegistry,
    private readonly state: IStateDB | null
  ) {
    super();
    this.id = PANEL_ID;
    this.addClass('jp-Featx');
    this.title.icon = featxIcon;
    this.title.caption = trans.__('featX jobs');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('featX jobs'));
    void state?.fetch(VIEW).then(view => {
      this.view = { ...PLAIN_VIEW, ...(view as Partial<IView> | undefined) };
      this.update();
    });
  }

  protected render(): JSX.Element {
    return (
      <Panel
        jobs={this.jobs}
        commands={this.commands}
        view={this.view}
        remember={view => void this.state?.save(VIEW, { ...view, closed: [...view.closed] })}
      />
    );
  }
}

export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-featx:panel',
  description: 'The side panel of jupyter-featx.',
  autoStart: true,
  requires: [IJobs],
  optional: [ILayoutRestorer, IStateDB],
  activate: (app: JupyterFrontEnd, jobs: IJobs, restorer: ILayoutRestorer | null, state: IStateDB | null) => {
    const panel = new PanelWidget(jobs, app.commands, state);
    app.shell.add(panel, 'left', { rank: 600, type: 'featX jobs' });
    restorer?.add(panel, PANEL_ID);
  }
};
