/** In a notebook: a button that opens the form, and on each cell that submitted a job where that job is. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ToolbarButton } from '@jupyterlab/apputils';
import { Cell, CodeCell } from '@jupyterlab/cells';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import type { IJob } from './api';
import { featxIcon, stateIcon, stateWord } from './icons';
import { counts } from './components/jobfacts';
import { CommandIDs, IJobs, JOB_MIME } from './tokens';
import { trans } from './translation';

const SUBMITS = /^\s*%%?featx\s+(submit|retry|status|wait)\b/m;

/** Return the id of the job that a cell's output shows, if it shows one. */
function jobOf(cell: Cell): string | null {
  if (!(cell instanceof CodeCell) || !SUBMITS.test(cell.model.sharedModel.getSource())) {
    return null;
  }
  const { outputs } = cell.model;
  for (let i = outputs.length - 1; i >= 0; i--) {
    const bundle = outputs.get(i).data[JOB_MIME] as { job_id?: string } | undefined;
    if (bundle?.job_id) {
      return bundle.job_id;
    }
  }
  return null;
}

/** The marks on the cells of one notebook. */
class CellMarks implements IDisposable {
  private readonly marks = new Map<string, HTMLButtonElement>();
  private timer = 0;
  private _isDisposed = false;

  constructor(
    private readonly panel: NotebookPanel,
    private readonly jobs: IJobs,
    private readonly open: (job_id: string) => void
  ) {
    jobs.jobsChanged.connect(this.soon, this);
    panel.content.modelContentChanged.connect(this.soon, this);
    void panel.context.ready.then(() => this.soon());
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this.timer);
    this.jobs.jobsChanged.disconnect(this.soon, this);
    this.marks.forEach(mark => mark.remove());
  }

  private soon(): void {
    this.timer ||= window.setTimeout(() => {
      this.timer = 0;
      if (!this._isDisposed && !this.panel.isDisposed) {
        this.panel.content.widgets.forEach(cell => this.mark(cell));
      }
    }, 200);
  }

  private mark(cell: Cell): void {
    const job_id = jobOf(cell);
    const job = job_id ? this.jobs.get(job_id) : undefined;
    let mark = this.marks.get(cell.model.id);
    if (!job) {
      mark?.remove();
      this.marks.delete(cell.model.id);
      return;
    }
    if (!mark) {
      mark = document.createElement('button');
      this.marks.set(cell.model.id, mark);
    }
    if (mark.parentElement !== cell.node) {
      cell.node.appendChild(mark);
    }
    this.draw(mark, job);
  }

  private draw(mark: HTMLButtonElement, job: IJob): void {
    const share = job.total ? ` ${Math.floor((100 * (job.done + job.failed)) / job.total)} %` : '';
    const word = `${stateWord(job.state)}${job.state === 'running' ? share : ''}`;
    if (mark.dataset.word === word && mark.dataset.job === job.job_id) {
      return;
    }
    mark.className = `jp-Featx-cellMark jp-Featx-state jp-mod-${job.state}`;
    mark.dataset.word = word;
    mark.dataset.job = job.job_id;
    mark.title = counts(job);
    mark.setAttribute('aria-label', trans.__('Job of this cell: %1. Open its page', word));
    mark.replaceChildren(stateIcon(job.state).element({ tag: 'span' }), document.createTextNode(word));
    mark.onclick = () => this.open(job.job_id);
  }
}

class NotebookParts implements DocumentRegistry.IWidgetExtension<NotebookPanel, INotebookModel> {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly jobs: IJobs
  ) {}

  createNew(panel: NotebookPanel): IDisposable {
    const { commands } = this.app;
    const marks = new CellMarks(panel, this.jobs, job_id => void commands.execute(CommandIDs.open, { job_id }));
    const button = new ToolbarButton({
      icon: featxIcon,
      className: 'jp-Featx-toolbarButton',
      tooltip: trans.__('Submit the functions of this notebook as a job'),
      onClick: () => void commands.execute(CommandIDs.submit, { path: panel.context.path })
    });
    panel.toolbar.insertItem(10, 'featx', button);
    return new DisposableDelegate(() => {
      marks.dispose();
      button.dispose();
    });
  }
}

export const cellsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-featx:notebooks',
  description: 'A button and marks in notebooks.',
  autoStart: true,
  requires: [IJobs],
  activate: (app: JupyterFrontEnd, jobs: IJobs) => {
    app.docRegistry.addWidgetExtension('Notebook', new NotebookParts(app, jobs));
  }
};
