/** A job in the output of a cell: the row of the panel, alive; where the job is not known any more, its last state. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ReactWidget } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { IJob } from './api';
import { useJob, useNow } from './components/hooks';
import { JobRow } from './components/jobrow';
import { RequestError } from './request';
import { IBundle, savedJob } from './saved';
import { IJobs, JOB_MIME } from './tokens';
import { trans } from './translation';

// What a snapshot of an older version may lack.
const BLANK: IJob = {
  job_id: '',
  name: '',
  state: 'new',
  reason: '',
  words: '',
  notes: [],
  total: 0,
  done: 0,
  failed: 0,
  running: 0,
  remaining: 0,
  missing: 0,
  rate: 0,
  eta_seconds: null,
  seconds: 0,
  created: null,
  started: null,
  ended: null,
  cores: 0,
  scheduler: '',
  data: '',
  notebook: null,
  notebook_path: null,
  folder: '',
  folder_path: null,
  merged_rows: null,
  expected_start: null,
  unknown_since: null,
  attempts: [],
  attempt_count: 0,
  actions: { cancel: false, retry: false, delete: false, result: false },
  resources: {},
  limits: {},
  allocation: {},
  container: null,
  template_digest: '',
  now: 0
};

interface ILiveProps {
  bundle: IBundle;
  jobs: IJobs;
  commands: CommandRegistry;
}

export function Live(props: ILiveProps): JSX.Element {
  const { bundle, jobs, commands } = props;
  const known = useJob(jobs, bundle.job_id);
  const [gone, setGone] = React.useState<RequestError | null>(null);
  const now = useNow(known?.state === 'running');
  const saved = { ...BLANK, ...bundle.snapshot, job_id: bundle.job_id };
  React.useEffect(() => {
    if (!known) {
      jobs.read(bundle.job_id).then(() => setGone(null), setGone);
    }
  }, [bundle.job_id, known === undefined]);
  // The cell's own kernel may have said more than the server has so far.
  const job = known ? (saved.now > known.now ? { ...known, ...bundle.snapshot } : known) : saved;
  const note = known || !gone ? undefined : lastKnown(gone);
  return <JobRow job={job} commands={commands} now={known ? now : job.now} note={note} />;
}

function lastKnown(gone: RequestError): string {
  return gone.status === 404 && gone.failure === 'refused'
    ? trans.__('This job is not in the list any more: this is how it was when the notebook was saved.')
    : trans.__('This is how the job was when the notebook was saved. %1', gone.message);
}

class LiveRenderer extends ReactWidget implements IRenderMime.IRenderer {
  private bundle: IBundle | null = null;

  constructor(
    private readonly mimeType: string,
    private readonly jobs: IJobs,
    private readonly commands: CommandRegistry
  ) {
    super();
    this.addClass('jp-Featx');
    this.addClass('jp-Featx-live');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.bundle = savedJob(model.data[this.mimeType]);
    this.update();
    return this.renderPromise ?? Promise.resolve();
  }

  protected render(): JSX.Element | null {
    return this.bundle ? <Live bundle={this.bundle} jobs={this.jobs} commands={this.commands} /> : null;
  }
}

export const livePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-featx:live',
  description: 'Draws a job in the output of a cell.',
  autoStart: true,
  requires: [IJobs, IRenderMimeRegistry],
  activate: (app: JupyterFrontEnd, jobs: IJobs, rendermime: IRenderMimeRegistry) => {
    rendermime.addFactory(
      {
        safe: true, // it draws text, and runs nothing of the output's
        mimeTypes: [JOB_MIME],
        createRenderer: options => new LiveRenderer(options.mimeType, jobs, app.commands)
      },
      30 // before the HTML that travels beside it
    );
  }
};
