/** What the plugins share: the token of the jobs, and the names of the commands. */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Token } from '@lumino/coreutils';
import type { IJob } from './api';
import type { RequestError } from './request';

/** The user's jobs as they are now. */
export interface IJobs extends IDisposable {
  /** All that are known, newest first. */
  readonly list: readonly IJob[];
  /** Emitted when any of them has changed: with their ids, or with null when it may be all of them. */
  readonly jobsChanged: ISignal<IJobs, readonly string[] | null>;
  /** Emitted when a job that was seen active has ended. */
  readonly jobEnded: ISignal<IJobs, IJob>;
  /** Whether the list has been read at least once. */
  readonly ready: boolean;
  /** Why the jobs cannot be read at present; null when they can. */
  readonly problem: RequestError | null;
  get(job_id: string): IJob | undefined;
  /** Take a snapshot that an answer of the server held. */
  take(job: IJob): void;
  /** Forget a job that is gone. */
  drop(job_id: string): void;
  /** Read one job now, whether it is known or not. */
  read(job_id: string): Promise<IJob>;
  /** Read all of them now. */
  refresh(): Promise<void>;
}

export const IJobs = new Token<IJobs>('jupyter-featx:IJobs', 'The jobs of jupyter-featx, kept up to date.');

export namespace CommandIDs {
  export const panel = 'featx:show-jobs';
  export const submit = 'featx:submit';
  export const open = 'featx:open-job';
  export const log = 'featx:open-log';
  export const script = 'featx:open-script';
  export const errors = 'featx:open-errors';
  export const result = 'featx:open-result';
  export const cancel = 'featx:cancel-job';
  export const retry = 'featx:retry-job';
  export const resubmit = 'featx:resubmit-job';
  export const remove = 'featx:delete-job';
  export const copyId = 'featx:copy-job-id';
  export const folder = 'featx:open-job-folder';
  export const notebook = 'featx:open-job-notebook';
  export const refresh = 'featx:refresh-jobs';
  export const reproduce = 'featx:reproduce-item';
}

export const PANEL_ID = 'featx-jobs';
export const JOB_MIME = 'application/vnd.featx.job+json';

export type Tab = 'overview' | 'errors' | 'log' | 'result' | 'script' | 'attempts';
