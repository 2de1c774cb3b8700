/** The jobs: read once from the server, then kept up to date by its event bus, or by asking where that is silent. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { Event } from '@jupyterlab/services';
import { ITranslator } from '@jupyterlab/translation';
import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';
import { IJob, IJobEvent, JOB_EVENTS } from './api';
import * as request from './request';
import { RequestError } from './request';
import { IJobs } from './tokens';
import { speak } from './translation';

const PAGE = 1000;
const TICK = 2_000; // ms between two looks at whether something is to be asked
const SILENT = 4_000; // ms without a word of an active job, before the event bus has ever spoken
const QUIET = 20_000; // the same once it has
const STALE = 120_000; // ms after which all is read again: jobs of other programs may have come

export const active = (job: IJob): boolean => ['new', 'queued', 'running'].includes(job.state);

export class JobsModel implements IJobs {
  private readonly jobs = new Map<string, IJob>();
  private sorted: readonly IJob[] | null = null;
  private reading: Promise<void> | null = null;
  private heard = 0; // when the event bus spoke last
  private asked = 0; // when the active jobs were asked for last
  private whole = 0; // when all were read last
  private _ready = false;
  private _problem: RequestError | null = null;
  private readonly _jobsChanged = new Signal<IJobs, readonly string[] | null>(this);
  private readonly _jobEnded = new Signal<IJobs, IJob>(this);
  private poll: Poll | null = null;
  private _isDisposed = false;

  constructor(private readonly server: Pick<typeof request, 'listJobs' | 'readJob'> = request) {}

  get list(): readonly IJob[] {
    this.sorted ??= [...this.jobs.values()].sort((a, b) => (b.created ?? 0) - (a.created ?? 0));
    return this.sorted;
  }

  get jobsChanged(): ISignal<IJobs, readonly string[] | null> {
    return this._jobsChanged;
  }

  get jobEnded(): ISignal<IJobs, IJob> {
    return this._jobEnded;
  }

  get ready(): boolean {
    return this._ready;
  }

  get problem(): RequestError | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this.poll?.dispose();
    Signal.clearData(this);
  }

  get(job_id: string): IJob | undefined {
    return this.jobs.get(job_id);
  }

  /** Begin to keep the jobs up to date. */
  start(): void {
    this.poll = new Poll({
      name: 'jupyter-featx:jobs',
      frequency: { interval: TICK, backoff: true, max: 30_000 },
      standby: 'when-hidden',
      factory: () => this.tick()
    });
  }

  /** Hear an event of Jupyter's bus; those of others are none of ours. */
  hear(emission: Event.Emission): void {
    if (emission.schema_id !== JOB_EVENTS) {
      return;
    }
    const event = emission as unknown as IJobEvent;
    this.heard = Date.now();
    if (event.change === 'deleted') {
      this.drop(event.job_id);
    } else if (event.job) {
      this.take(event.job);
    }
  }

  take(job: IJob): void {
    if (this.put(job)) {
      this._jobsChanged.emit([job.job_id]);
    }
  }

  drop(job_id: string): void {
    if (this.jobs.delete(job_id)) {
      this.sorted = null;
      this._jobsChanged.emit([job_id]);
    }
  }

  async read(job_id: string): Promise<IJob> {
    try {
      const job = await this.server.readJob(job_id);
      this.take(job);
      return this.jobs.get(job_id) ?? job;
    } catch (error) {
      if ((error as RequestError).status === 404 && (error as RequestError).failure === 'refused') {
        this.drop(job_id);
      }
      throw error;
    }
  }

  refresh(): Promise<void> {
    this.reading ??= this.readAll().finally(() => (this.reading = null));
    return this.reading;
  }

  /** Ask what the event bus may have missed; throws when nobody answers, which makes the next look wait longer. */
  private async tick(): Promise<void> {
    const now = Date.now();
    const patience = this.heard ? QUIET : SILENT;
    if (this._problem || now - this.whole > STALE) {
      await this.refresh();
    } else if (this.list.some(active) && now - Math.max(this.heard, this.asked) > patience) {
      await this.readActive();
    }
    if (this._problem) {
      throw this._problem;
    }
  }

  private async readAll(): Promise<void> {
    const before = [...this.jobs.keys()];
    try {
      const seen = new Set<string>();
      for (let offset = 0; ; offset += PAGE) {
        const page = await this.server.listJobs(offset, PAGE);
        page.jobs.forEach(job => {
          seen.add(job.job_id);
          this.put(job);
        });
        if (page.jobs.length < PAGE || offset + PAGE >= page.total) {
          break;
        }
      }
      before.filter(id => !seen.has(id)).forEach(id => this.jobs.delete(id));
      this.sorted = null;
      this.whole = this.asked = Date.now();
      this._ready = true;
      this._problem = null;
    } catch (error) {
      this.fail(error);
    }
    this._jobsChanged.emit(null);
  }

  private async readActive(): Promise<void> {
    this.asked = Date.now();
    const ids = this.list.filter(active).map(job => job.job_id);
    try {
      const page = await this.server.listJobs(0, PAGE, 'new,queued,running');
      const seen = new Set(page.jobs.map(job => job.job_id));
      const changed = page.jobs.filter(job => this.put(job)).map(job => job.job_id);
      for (const job_id of ids.filter(id => !seen.has(id))) {
        await this.read(job_id).catch(() => undefined); // it is over, or gone
      }
      if (changed.length) {
        this._jobsChanged.emit(changed);
      }
    } catch (error) {
      this.fail(error);
      this._jobsChanged.emit(null);
    }
  }

  private fail(error: unknown): void {
    this._problem =
      error instanceof RequestError ? error : new RequestError('refused', String((error as Error)?.message ?? error));
  }

  /** Keep a snapshot unless a later one is known; tell whether it was kept. */
  private put(job: IJob): boolean {
    const known = this.jobs.get(job.job_id);
    if (known && known.now > job.now) {
      return false;
    }
    this.jobs.set(job.job_id, job);
    this.sorted = null;
    if (known && active(known) && !active(job)) {
      this._jobEnded.emit(job);
    }
    return true;
  }
}

export const modelPlugin: JupyterFrontEndPlugin<IJobs> = {
  id: 'jupyter-featx:jobs',
  description: 'Keeps the jobs of jupyter-featx up to date.',
  autoStart: true,
  optional: [ITranslator],
  provides: IJobs,
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    speak(translator);
    request.connect(app.serviceManager.serverSettings);
    const model = new JobsModel();
    app.serviceManager.events.stream.connect((_, emission) => model.hear(emission));
    app.serviceManager.connectionFailure.connect(() => void model.refresh());
    void app.started.then(() => {
      void model.refresh();
      model.start();
    });
    return model;
  }
};
