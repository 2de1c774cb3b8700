/** Tell when a job ends. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IJob } from './api';
import { nameOf } from './components/jobfacts';
import { CommandIDs, IJobs, Tab } from './tokens';
import { trans } from './translation';
import { number, oneLine } from './wording';

/** Return what to say of a job that has ended, and how. */
export function notice(job: IJob): {
  text: string;
  type: 'success' | 'warning' | 'error' | 'info';
  tab: Tab;
  act: string;
} {
  if (job.state === 'completed' && !job.failed) {
    const text = trans.__('%1 has completed: %2 rows.', nameOf(job), number(job.done));
    return { text, type: 'success', tab: 'result', act: trans.__('Result') };
  }
  if (job.state === 'completed') {
    const text = trans.__('%1 has completed: %2 rows, %3 failed.', nameOf(job), number(job.done), number(job.failed));
    return { text, type: 'warning', tab: 'errors', act: trans.__('Errors') };
  }
  if (job.state === 'cancelled') {
    const text = trans.__('%1 was cancelled. Its %2 rows stay.', nameOf(job), number(job.done));
    return { text, type: 'info', tab: 'overview', act: trans.__('Open') };
  }
  const text = trans.__('%1 has failed: %2', nameOf(job), oneLine(job.words || job.reason || job.state, 200));
  return { text, type: 'error', tab: 'log', act: trans.__('Log') };
}

export const noticesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-featx:notices',
  description: 'Tells when a job has ended.',
  autoStart: true,
  requires: [IJobs],
  activate: (app: JupyterFrontEnd, jobs: IJobs) => {
    jobs.jobEnded.connect((_, job) => {
      const { text, type, tab, act } = notice(job);
      Notification.emit(text, type, {
        autoClose: type === 'success' || type === 'info' ? 8000 : false,
        actions: [
          { label: act, callback: () => void app.commands.execute(CommandIDs.open, { job_id: job.job_id, tab }) }
        ]
      });
    });
  }
};
