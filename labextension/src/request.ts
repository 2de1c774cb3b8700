/** Ask the server: one function for each endpoint. Every failure is a `RequestError` that says what is the case. */
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type * as api from './api';
import { trans } from './translation';

/** Why a request failed: nobody answers, the login is over, the server has no featx, or it refused. */
type Failure = 'dead' | 'login' | 'absent' | 'refused';

export class RequestError extends Error {
  constructor(
    readonly failure: Failure,
    message: string,
    readonly hint = '',
    readonly code = '',
    readonly status = 0
  ) {
    super(message);
  }
}

let settings: ServerConnection.ISettings | null = null;

/** Talk to this server from now on. */
export function connect(to: ServerConnection.ISettings): void {
  settings = to;
}

/** Return the address of an endpoint. */
function address(path: string, query: Record<string, unknown> = {}): string {
  const base = settings?.baseUrl ?? PageConfig.getBaseUrl();
  const words: string[] = [];
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) {
        words.push(`${key}=${encodeURIComponent(String(one))}`);
      }
    }
  }
  return URLExt.join(base, 'featx/api/v1', path) + (words.length ? `?${words.join('&')}` : '');
}

async function ask<T>(url: string, method = 'GET', body?: unknown, signal?: AbortSignal): Promise<T> {
  const at = settings ?? ServerConnection.makeSettings();
  const init: RequestInit = { method, signal };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await ServerConnection.makeRequest(url, init, at);
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }
    throw dead();
  }
  const text = await response.text();
  if (response.ok && response.status === 204) {
    return undefined as T;
  }
  const answer = parsed(text);
  if (response.ok && answer !== undefined) {
    return answer as T;
  }
  throw refusal(response.status, answer);
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function dead(): RequestError {
  return new RequestError(
    'dead',
    trans.__('The Jupyter server does not answer.'),
    trans.__(
      'Jobs that run go on without it. Start the server again, or check the network; this view comes back by itself.'
    )
  );
}

function refusal(status: number, answer: any): RequestError {
  // A page of HTML where JSON was asked for is a form to log in.
  if (status === 401 || status === 403 || (status < 400 && answer === undefined)) {
    return new RequestError(
      'login',
      trans.__('Your login at the Jupyter server is over.'),
      trans.__('Reload the page and log in again. Jobs that run go on meanwhile.'),
      'forbidden',
      status
    );
  }
  if (answer?.code && answer.message) {
    return new RequestError('refused', String(answer.message), String(answer.hint ?? ''), String(answer.code), status);
  }
  if (status === 404) {
    return new RequestError(
      'absent',
      trans.__('This Jupyter server does not know jupyter-featx.'),
      trans.__("Type 'pip install jupyter-featx' in the environment of the server, and start it again."),
      '',
      status
    );
  }
  if (status >= 502 && status <= 504) {
    return dead();
  }
  return new RequestError(
    'refused',
    trans.__('The server failed (%1).', status),
    trans.__('Its log says why.'),
    '',
    status
  );
}

const one = (job_id: string, rest = '') => `jobs/${encodeURIComponent(job_id)}${rest}`;

export const listJobs = (offset: number, limit: number, state?: string) =>
  ask<api.IJobList>(address('jobs', { offset, limit, state }));
export const readJob = (job_id: string) => ask<api.IJob>(address(one(job_id)));
export const submit = (request: api.ISubmitRequest) =>
  ask<{ job: api.IJob; lines: string[] }>(address('jobs'), 'POST', request);
export const dryRun = (request: api.ISubmitRequest, signal?: AbortSignal) =>
  ask<api.IScript>(address('script'), 'POST', request, signal);
export const preflight = (request: api.ISubmitRequest, signal?: AbortSignal) =>
  ask<api.IPreflight>(address('preflight'), 'POST', request, signal);
export const cancelJob = (job_id: string) => ask<api.IJob>(address(one(job_id, '/cancel')), 'POST', {});
export const retryJob = (job_id: string, options: api.Options) =>
  ask<api.IJob>(address(one(job_id, '/retry')), 'POST', options);
export const deleteJob = (job_id: string) => ask<void>(address(one(job_id)), 'DELETE');
export const readScript = (job_id: string) => ask<api.IScript>(address(one(job_id, '/script')));
export const readLog = (
  job_id: string,
  query: { file?: string; tail?: number; offset?: number; limit?: number },
  signal?: AbortSignal
) => ask<api.ILogPart>(address(one(job_id, '/log'), query), 'GET', undefined, signal);
export const listErrors = (job_id: string, offset: number, limit: number, refresh = false) =>
  ask<api.IErrorGroups | api.IMerging>(address(one(job_id, '/errors'), { offset, limit, refresh }));
export const listErrorItems = (job_id: string, group: string, offset: number, limit: number) =>
  ask<api.IErrorItems | api.IMerging>(address(one(job_id, `/errors/${encodeURIComponent(group)}`), { offset, limit }));
export const readResult = (job_id: string, query: api.IResultQuery, signal?: AbortSignal) => {
  const { offset, limit, sort, filter, columns, refresh } = query;
  const asked = {
    offset,
    limit,
    sort,
    refresh,
    column: columns,
    filter: filter?.length ? JSON.stringify(filter) : undefined
  };
  return ask<api.IResultPage | api.IMerging>(address(one(job_id, '/result'), asked), 'GET', undefined, signal);
};
export const readDistribution = (job_id: string, column: string) =>
  ask<api.IDistribution | api.IMerging>(address(one(job_id, '/distribution'), { column }));
export const downloadAddress = (job_id: string, file: string) => address(one(job_id, '/download'), { file });
export const readChart = (job_id: string) => ask<api.IChart>(address(one(job_id, '/chart')));
export const readUsage = (job_id: string) => ask<api.IUsage>(address(one(job_id, '/usage')));
export const readDataset = (
  query: { path: string; pattern?: string; recursive?: boolean; column?: string },
  signal?: AbortSignal
) => ask<api.IDataset>(address('datasets', query), 'GET', undefined, signal);
export const readCluster = () => ask<api.ICluster>(address('cluster'));
export const readConfig = () => ask<api.IConfig>(address('config'));

/** Ask again and again while the table is being made. */
export async function merged<T>(
  call: () => Promise<T | api.IMerging>,
  waiting: (seconds: number) => void,
  signal?: AbortSignal
): Promise<T> {
  for (;;) {
    const answer = await call();
    if (!(answer as api.IMerging).merging) {
      return answer as T;
    }
    const { seconds, retry_seconds } = answer as api.IMerging;
    waiting(seconds);
    await new Promise(done => setTimeout(done, Math.max(0.2, retry_seconds) * 1000));
    if (signal?.aborted) {
      throw new DOMException('aborted', 'AbortError');
    }
  }
}
