/** From what the form holds to what the server is asked, and back: pure functions. */
import { PathExt } from '@jupyterlab/coreutils';
import type { IConfig, IJob, IOption, ISubmitRequest, Options, Value } from '../api';
import type { RequestError } from '../request';

export interface IChoices {
  path: string; // of the notebook, as the server shows it
  data: string;
  profile: string;
  values: Options; // the options that were changed
}

const same = (a: Value | undefined, b: Value | undefined) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
const nothing = (value: Value | undefined) =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && !value.some(Boolean));

/** Return what an option is when the form does not say: the profile's, the site's, or its own. */
export function given(option: IOption, config: IConfig, profile: string): Value {
  return config.profiles[profile]?.[option.name] ?? config.defaults[option.name] ?? option.default;
}

/** Return the request: what was chosen, and nothing that the server knows by itself. */
export function requestOf(choices: IChoices, config: IConfig): ISubmitRequest {
  const options: Options = {};
  for (const option of config.options) {
    const value = choices.values[option.name];
    if (!nothing(value) && !same(value, given(option, config, choices.profile))) {
      options[option.name] = Array.isArray(value) ? value.filter(Boolean) : value;
    }
  }
  if (choices.profile && config.options.some(option => option.name === 'profile')) {
    options.profile = choices.profile;
  }
  return { path: choices.path, data: choices.data.trim(), options };
}

/** Return the choices that would submit a job again. */
export function again(job: IJob): Partial<IChoices> {
  const { cores, ranks, threads, walltime_seconds, jobs, memory_per_core_mb } = job.resources;
  const { item_timeout_seconds, item_memory_mb, max_failures } = job.limits;
  const values: Options = {
    cores: ranks && ranks > 1 ? `${ranks}x${Math.floor((cores ?? ranks) / ranks)}` : String(cores ?? ''),
    name: job.name,
    scheduler: job.scheduler,
    threads: threads && threads > 1 ? String(threads) : '',
    jobs: jobs && jobs > 1 ? String(jobs) : '',
    walltime: text(walltime_seconds, 's'),
    memory_per_core: text(memory_per_core_mb, 'M'),
    item_timeout: text(item_timeout_seconds, 's'),
    item_memory: text(item_memory_mb, 'M'),
    max_failures: text(max_failures, '')
  };
  for (const [name, value] of Object.entries(job.allocation)) {
    values[name] = value as Value;
  }
  return { path: job.notebook_path ?? '', data: job.data, values };
}

const text = (amount: number | null | undefined, unit: string) =>
  amount === null || amount === undefined ? '' : `${amount}${unit}`;

/** Return the absolute path of what was typed, which is relative to the notebook's folder. */
export function absolute(typed: string, notebook: string, root: string): string {
  if (typed.startsWith('/') || typed.startsWith('~')) {
    return typed;
  }
  return `${folderOf(notebook, root)}/${typed}`;
}

/** Return a path the way a person would type it beside the notebook. */
export function beside(path: string, notebook: string, root: string): string {
  const folder = `${folderOf(notebook, root)}/`;
  return path.startsWith(folder) && path !== folder ? path.slice(folder.length) : path;
}

function folderOf(notebook: string, root: string): string {
  const folder = PathExt.dirname(notebook);
  return folder ? `${root.replace(/\/+$/, '')}/${folder}` : root.replace(/\/+$/, '');
}

/** Return the field that a refusal is about: an option's name, `data`, `path`, or "" for the whole form. */
export function blamed(error: RequestError, options: readonly IOption[]): string {
  if (error.code === 'dataset') {
    return 'data';
  }
  if (error.code === 'template') {
    return 'path';
  }
  const named = options.filter(option => {
    const message = error.message;
    return (
      message.startsWith(`${option.name}=`) ||
      message.startsWith(`${option.flag} `) ||
      message.includes(` ${option.flag} `)
    );
  });
  return named[0]?.name ?? '';
}
