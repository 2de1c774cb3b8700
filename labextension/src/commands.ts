/** What can be done with a job: the commands, for the panel, the palette, the menus and the keyboard alike. */
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, Dialog, ICommandPalette, Notification, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import {
  bugIcon,
  copyIcon,
  deleteIcon,
  folderIcon,
  LabIcon,
  listIcon,
  notebookIcon,
  redoIcon,
  refreshIcon,
  stopIcon,
  tableRowsIcon,
  textEditorIcon
} from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { IJob } from './api';
import { nameOf } from './components/jobfacts';
import { RetryBody } from './components/retry';
import { featxIcon } from './icons';
import * as request from './request';
import { CommandIDs, IJobs, PANEL_ID, Tab } from './tokens';
import { trans } from './translation';
import { number, oneLine, plain } from './wording';

type Args = ReadonlyPartialJSONObject;

/** Show a failure of a command in a dialog. */
export function tell(title: string, error: unknown): void {
  const { message, hint } = error as request.RequestError;
  const text = plain([message ?? String(error), hint].filter(Boolean).join('\n\n')).slice(0, 4000);
  void showErrorMessage(title, text, [Dialog.okButton({ label: trans.__('Close') })]);
}

async function sure(title: string, text: string, act: string): Promise<boolean> {
  const { button } = await showDialog({
    title,
    body: text,
    buttons: [Dialog.cancelButton({ label: trans.__('Keep it') }), Dialog.warnButton({ label: act })],
    defaultButton: 0
  });
  return button.accept;
}

async function cancel(jobs: IJobs, job: IJob): Promise<void> {
  const text = trans.__(
    'The job %1 ends. The %2 rows that are finished stay, and a retry goes on from there.',
    nameOf(job),
    number(job.done)
  );
  if (await sure(trans.__('Cancel this job?'), text, trans.__('Cancel the job'))) {
    jobs.take(await request.cancelJob(job.job_id));
  }
}

async function remove(jobs: IJobs, job: IJob): Promise<void> {
  const text = trans.__(
    'The job %1 is removed with its %2 rows, its table and its logs. This cannot be undone.',
    nameOf(job),
    number(job.done)
  );
  if (await sure(trans.__('Delete this job?'), text, trans.__('Delete'))) {
    await request.deleteJob(job.job_id);
    jobs.drop(job.job_id);
  }
}

async function retry(jobs: IJobs, job: IJob): Promise<void> {
  const { retry_options } = await request.readConfig();
  const { button, value } = await showDialog({
    title: trans.__('Retry %1', nameOf(job)),
    body: new RetryBody(job, retry_options),
    buttons: [Dialog.cancelButton({ label: trans.__('Not now') }), Dialog.okButton({ label: trans.__('Retry') })]
  });
  if (button.accept) {
    jobs.take(await request.retryJob(job.job_id, value ?? {}));
  }
}

/** Bring a notebook to the front, and put a cell with this source after its active one. */
async function reproduce(app: JupyterFrontEnd, opened: IDocumentWidget | null | undefined, source: string) {
  if (!(opened instanceof NotebookPanel)) {
    throw new Error(trans.__('Open a notebook first: the cell is put into it.'));
  }
  await opened.context.ready;
  app.shell.activateById(opened.id);
  const notebook = opened.content;
  const index = Math.min(notebook.activeCellIndex + 1, notebook.widgets.length);
  notebook.model!.sharedModel.insertCell(index, { cell_type: 'code', source, metadata: { trusted: true } });
  notebook.activeCellIndex = index;
  await notebook.scrollToItem(index, 'center').catch(() => undefined);
  notebook.mode = 'edit';
}

const category = () => trans.__('featX jobs');

interface IJobCommand {
  id: string;
  label: () => string;
  icon: LabIcon;
  allowed?: (job: IJob) => boolean;
  run: (job: IJob) => unknown;
}

function jobCommands(app: JupyterFrontEnd, jobs: IJobs): IJobCommand[] {
  const { commands } = app;
  const open = (job: IJob, tab: Tab) => commands.execute(CommandIDs.open, { job_id: job.job_id, tab });
  return [
    { id: CommandIDs.log, label: () => trans.__('Log'), icon: textEditorIcon, run: job => open(job, 'log') },
    { id: CommandIDs.script, label: () => trans.__('Script'), icon: listIcon, run: job => open(job, 'script') },
    {
      id: CommandIDs.errors,
      label: () => trans.__('Errors'),
      icon: bugIcon,
      allowed: job => job.failed > 0,
      run: job => open(job, 'errors')
    },
    {
      id: CommandIDs.result,
      label: () => trans.__('Result'),
      icon: tableRowsIcon,
      allowed: job => job.actions.result,
      run: job => open(job, 'result')
    },
    {
      id: CommandIDs.cancel,
      label: () => trans.__('Cancel…'),
      icon: stopIcon,
      allowed: job => job.actions.cancel,
      run: job => cancel(jobs, job)
    },
    {
      id: CommandIDs.retry,
      label: () => trans.__('Retry…'),
      icon: redoIcon,
      allowed: job => job.actions.retry,
      run: job => retry(jobs, job)
    },
    {
      id: CommandIDs.resubmit,
      label: () => trans.__('Submit again…'),
      icon: featxIcon,
      run: job => commands.execute(CommandIDs.submit, { job_id: job.job_id })
    },
    {
      id: CommandIDs.copyId,
      label: () => trans.__('Copy the id'),
      icon: copyIcon,
      run: job => Clipboard.copyToSystem(job.job_id)
    },
    {
      id: CommandIDs.folder,
      label: () => trans.__('Open the folder'),
      icon: folderIcon,
      run: job => openFolder(app, job)
    },
    {
      id: CommandIDs.notebook,
      label: () => trans.__('Open the notebook'),
      icon: notebookIcon,
      allowed: job => job.notebook_path !== null,
      run: job => commands.execute('docmanager:open', { path: job.notebook_path })
    },
    {
      id: CommandIDs.remove,
      label: () => trans.__('Delete…'),
      icon: deleteIcon,
      allowed: job => job.actions.delete,
      run: job => remove(jobs, job)
    }
  ];
}

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-featx:commands',
  description: 'The commands of jupyter-featx.',
  autoStart: true,
  requires: [IJobs],
  optional: [ICommandPalette, IDocumentManager, INotebookTracker],
  activate: (
    app: JupyterFrontEnd,
    jobs: IJobs,
    palette: ICommandPalette | null,
    docs: IDocumentManager | null,
    notebooks: INotebookTracker | null
  ) => {
    const { commands } = app;
    jobCommands(app, jobs).forEach(one => addJobCommand(app, jobs, palette, one));

    commands.addCommand(CommandIDs.panel, {
      label: trans.__('Show jobs'),
      icon: featxIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => app.shell.activateById(PANEL_ID)
    });
    commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Refresh jobs'),
      icon: refreshIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => jobs.refresh()
    });
    commands.addCommand(CommandIDs.reproduce, {
      label: trans.__('Open failing item'),
      icon: notebookIcon,
      describedBy: {
        args: { type: 'object', properties: { path: { type: 'string' }, source: { type: 'string' } } }
      },
      isVisible: () => notebooks !== null,
      execute: async args => {
        if (!docs || !notebooks) {
          return;
        }
        try {
          const path = String(args.path ?? '');
          const opened = path.endsWith('.ipynb') ? docs.openOrReveal(path) : notebooks.currentWidget;
          await reproduce(app, opened, String(args.source ?? ''));
        } catch (error) {
          tell(trans.__('The item was not opened'), error);
        }
      }
    });
    for (const command of [CommandIDs.panel, CommandIDs.refresh, CommandIDs.submit]) {
      palette?.addItem({ command, category: category() });
    }
  }
};

function addJobCommand(app: JupyterFrontEnd, jobs: IJobs, palette: ICommandPalette | null, one: IJobCommand): void {
  // Without an id a command means the job whose page is in front, else the latest one.
  const meant = (args: Args): IJob | undefined => {
    const asked = args.job_id as string | undefined;
    const shown = (app.shell.currentWidget as any)?.content?.jobId as string | undefined;
    return asked ? jobs.get(asked) : (shown && jobs.get(shown)) || jobs.list[0];
  };
  app.commands.addCommand(one.id, {
    label: args => {
      const job = args.isPalette ? meant(args) : undefined;
      return job ? trans.__('%1 (%2)', one.label(), nameOf(job)) : one.label();
    },
    icon: args => (args.isPalette ? undefined : one.icon),
    describedBy: { args: { type: 'object', properties: { job_id: { type: 'string' } } } },
    isEnabled: args => {
      const job = meant(args);
      return job !== undefined && (one.allowed?.(job) ?? true);
    },
    execute: async args => {
      const job = meant(args);
      if (!job) {
        return;
      }
      try {
        await one.run(job);
      } catch (error) {
        tell(one.label().replace('…', ''), error);
      }
    }
  });
  palette?.addItem({ command: one.id, category: category(), args: { isPalette: true } });
}

async function openFolder(app: JupyterFrontEnd, job: IJob): Promise<void> {
  const { commands } = app;
  if (job.folder_path !== null && commands.hasCommand('filebrowser:go-to-path')) {
    await commands.execute('filebrowser:activate');
    await commands.execute('filebrowser:go-to-path', { path: job.folder_path || '/', dontShowBrowser: false });
    return;
  }
  Clipboard.copyToSystem(job.folder);
  Notification.info(
    trans.__('The file browser does not show this folder, so its path was copied: %1', oneLine(job.folder, 300)),
    { autoClose: 8000 }
  );
}
