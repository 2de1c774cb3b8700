/** The form that submits a job: what the magic can, with the cluster's own choices and the server's own checks. */
import * as React from 'react';
import type { ICluster, IConfig, IJob, IOption, IPreflight, IScript, ISubmitRequest, Value } from '../api';
import { Field } from '../components/field';
import { Problem } from '../components/problem';
import { Source } from '../page/script';
import * as request from '../request';
import { RequestError } from '../request';
import { trans } from '../translation';
import { duration, marked, number, oneLine } from '../wording';
import { DatasetField } from './dataset';
import { Estimate } from './estimate';
import { blamed, given, IChoices, requestOf } from './request';

const PAUSE = 700; // ms of rest before the server checks
// Shown at once; the rest is a click away.
const FIRST = ['cores', 'name', 'scheduler', 'walltime', 'partition', 'account', 'image', 'container'];
const OF_THE_FORM = ['profile', 'dry_run', 'wait', 'out', 'data'];

export interface IFormProps {
  notebooks: readonly string[];
  config: IConfig;
  cluster: ICluster | null;
  choices: IChoices;
  remember(choices: IChoices): void;
  /** Save the notebook where it has changes. */
  save(path: string): Promise<void>;
  submitted(job: IJob, lines: readonly string[]): void;
}

export function Form(props: IFormProps): JSX.Element {
  const { config, cluster } = props;
  const [choices, setChoices] = React.useState(props.choices);
  const [busy, setBusy] = React.useState('');
  const [error, setError] = React.useState<RequestError | null>(null);
  const [script, setScript] = React.useState<IScript | null>(null);
  const [estimate, setEstimate] = React.useState<IPreflight | null>(null);
  const check = useCheck(choices, config);
  const change = (part: Partial<IChoices>) => {
    const next = { ...choices, ...part };
    setChoices(next);
    setError(null);
    setEstimate(null);
    setScript(null);
    props.remember(next);
  };
  const set = (name: string, value: Value) => change({ values: { ...choices.values, [name]: value } });

  const act = async <T,>(what: string, call: () => Promise<T>): Promise<T | undefined> => {
    setBusy(what);
    setError(null);
    try {
      await props.save(choices.path);
      return await call();
    } catch (problem) {
      setError(problem as RequestError);
      return undefined;
    } finally {
      setBusy('');
    }
  };
  const asked = () => requestOf(choices, config);
  const ready = choices.path !== '' && choices.data.trim() !== '' && busy === '';
  const shown = error ?? check;
  const blame = shown ? blamed(shown, config.options) : '';
  const problemOf = (name: string) => (shown && blame === name ? `${shown.message} ${shown.hint}` : undefined);
  const draw = (option: IOption) => (
    <Field
      key={option.name}
      option={{ ...option, default: given(option, config, choices.profile) }}
      value={choices.values[option.name] ?? (option.kind === 'flag' ? given(option, config, choices.profile) : '')}
      choices={offered(option, choices, cluster)}
      problem={problemOf(option.name)}
      change={value => set(option.name, value)}
    />
  );
  const trial = <T,>(
    label: string,
    doing: string,
    call: (request: ISubmitRequest) => Promise<T>,
    show: (found: T) => void
  ) => (
    <button
      type="button"
      className="jp-Button jp-mod-styled"
      disabled={!ready}
      onClick={() => void act(doing, () => call(asked())).then(found => found && show(found))}
    >
      {label}
    </button>
  );
  const options = config.options.filter(option => !OF_THE_FORM.includes(option.name));
  const first = FIRST.flatMap(name => options.filter(option => option.name === name));
  const rest = options.filter(option => !FIRST.includes(option.name));
  const silent = cluster?.schedulers.filter(one => !one.reachable) ?? [];
  return (
    <form
      className="jp-Featx-form"
      onSubmit={event => {
        event.preventDefault();
        void act(trans.__('Submitting…'), () => request.submit(asked())).then(
          answer => answer && props.submitted(answer.job, answer.lines)
        );
      }}
    >
      <h2>{trans.__('Submit a job')}</h2>
      {silent.map(one => (
        <Problem
          key={one.name}
          error={{
            message: trans.__('The scheduler %1 does not answer.', one.name),
            hint: `${one.message} ${trans.__('Jobs can be submitted to another scheduler meanwhile; those that run go on.')}`
          }}
        />
      ))}
      <NotebookField
        notebooks={props.notebooks}
        value={choices.path}
        problem={problemOf('path')}
        change={path => change({ path })}
      />
      <DatasetField
        value={choices.data}
        notebook={choices.path}
        root={config.root}
        pattern={choices.values.pattern as string}
        recursive={choices.values.recursive as boolean}
        column={choices.values.column as string}
        problem={problemOf('data')}
        change={data => change({ data })}
      />
      {Object.keys(config.profiles).length ? (
        <Field
          option={PROFILE}
          value={choices.profile}
          choices={Object.keys(config.profiles).map(value => ({ value, label: value }))}
          change={value => change({ profile: String(value) })}
        />
      ) : null}
      <div className="jp-Featx-columns">{first.map(draw)}</div>
      <details className="jp-Featx-more" open={rest.some(option => option.name === blame) || undefined}>
        <summary>{trans.__('More options')}</summary>
        <div className="jp-Featx-columns">{rest.map(draw)}</div>
      </details>
      {shown && !blame ? <Problem error={shown} /> : null}
      <div className="jp-Featx-toolbar" aria-live="polite">
        <button type="submit" className="jp-Button jp-mod-styled jp-mod-accept" disabled={!ready}>
          {trans.__('Submit')}
        </button>
        {trial(trans.__('Estimate'), trans.__('Trying a few items…'), request.preflight, setEstimate)}
        {trial(trans.__('Show the script'), trans.__('Rendering the script…'), request.dryRun, setScript)}
        <span role="status">{busy || (ready && !shown ? trans.__('Nothing speaks against it.') : '')}</span>
      </div>
      {estimate ? <Estimate found={estimate} /> : null}
      {script ? (
        <div className="jp-Featx-script">
          {script.lines.map(line => (
            <p key={line}>{oneLine(line, 300)}</p>
          ))}
          <Source title={trans.__('submit.sh: what the scheduler would run')} text={script.script} />
          <Source title={trans.__('template.py: your functions, with all they need')} text={script.template} />
        </div>
      ) : null}
    </form>
  );
}

const PROFILE: IOption = {
  name: 'profile',
  flag: '--profile',
  kind: 'text',
  default: null,
  help: 'a set of options that this site or you have given a name',
  metavar: 'NAME'
};

/** Let the server check the choices while they are made; a slow check is left to the buttons. */
function useCheck(choices: IChoices, config: IConfig): RequestError | null {
  const [problem, setProblem] = React.useState<RequestError | null>(null);
  const slow = React.useRef(false);
  React.useEffect(() => {
    setProblem(null);
    if (!choices.path || !choices.data.trim() || slow.current) {
      return;
    }
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      const began = Date.now();
      request.dryRun(requestOf(choices, config), abort.signal).then(
        () => (slow.current = Date.now() - began > 4000),
        error => abort.signal.aborted || setProblem(error)
      );
    }, PAUSE);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [choices, config]);
  return problem;
}

/** Return what the cluster offers for an option; undefined where anything may be typed. */
function offered(option: IOption, choices: IChoices, cluster: ICluster | null) {
  const asked = (choices.values.scheduler as string) || cluster?.default;
  const scheduler = cluster?.schedulers.find(one => one.name === asked);
  if (option.name === 'scheduler' && cluster) {
    return cluster.schedulers.map(one => ({ value: one.name, label: one.name }));
  }
  if (option.name === 'partition' && scheduler?.partitions.length) {
    return scheduler.partitions.map(one => ({
      value: one.name,
      label: [
        one.name,
        one.free_cores === null
          ? marked(trans._n('%1 core', '%1 cores', one.cores), one.cores)
          : trans.__('%1 of %2 cores free', number(one.free_cores), number(one.cores)),
        one.max_seconds ? trans.__('at most %1', duration(one.max_seconds)) : ''
      ]
        .filter(Boolean)
        .join(' · ')
    }));
  }
  if (option.name === 'account' && scheduler?.accounts.length) {
    return scheduler.accounts.map(value => ({ value, label: value }));
  }
  return undefined;
}

interface INotebookProps {
  notebooks: readonly string[];
  value: string;
  problem?: string;
  change(path: string): void;
}

function NotebookField(props: INotebookProps): JSX.Element {
  const id = React.useId();
  const known =
    props.value && !props.notebooks.includes(props.value) ? [props.value, ...props.notebooks] : props.notebooks;
  return (
    <div className={`jp-Featx-field${props.problem ? ' jp-mod-invalid' : ''}`}>
      <label htmlFor={id}>{trans.__('Notebook')}</label>
      <input
        id={id}
        list={`${id}-list`}
        className="jp-mod-styled"
        type="text"
        spellCheck={false}
        value={props.value}
        placeholder={trans.__('a notebook or a .py file')}
        aria-describedby={`${id}-help`}
        onChange={event => props.change(event.target.value)}
      />
      <datalist id={`${id}-list`}>
        {known.map(path => (
          <option key={path} value={path} />
        ))}
      </datalist>
      <small id={`${id}-help`}>
        {props.problem
          ? oneLine(props.problem, 600)
          : trans.__('Its functions are taken as they are saved; changes are saved first.')}
      </small>
    </div>
  );
}
