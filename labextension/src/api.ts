/** What the server says: the shapes of jupyter_featx/server/openapi.yaml. */

export const STATES = ['running', 'queued', 'new', 'completed', 'failed', 'cancelled'] as const;
export type State = (typeof STATES)[number];

export interface IAttempt {
  number: number;
  native_id: string;
  state: State;
  reason: string;
  words: string;
  submitted: number;
  started: number | null;
  ended: number | null;
  host: string;
  cores: number;
  ranks: number;
  workers: number;
  part: number;
  parts: number;
  done: number;
  failed: number;
  running: number;
  rate: number;
  cancel_asked: boolean;
}

export interface IJob {
  job_id: string;
  name: string;
  state: State;
  reason: string;
  words: string;
  notes: string[];
  total: number;
  done: number;
  failed: number;
  running: number;
  remaining: number;
  missing: number;
  rate: number;
  eta_seconds: number | null;
  seconds: number;
  created: number | null;
  started: number | null;
  ended: number | null;
  cores: number;
  scheduler: string;
  data: string;
  notebook: string | null;
  notebook_path: string | null;
  folder: string;
  folder_path: string | null;
  merged_rows: number | null;
  expected_start: number | null;
  unknown_since: number | null;
  attempts: IAttempt[];
  attempt_count: number;
  actions: { cancel: boolean; retry: boolean; delete: boolean; result: boolean };
  resources: Record<string, number | null>;
  limits: Record<string, number | null>;
  allocation: Record<string, unknown>;
  container: string | null;
  template_digest: string;
  now: number;
}

export interface IJobList {
  jobs: IJob[];
  total: number;
}

export type Value = string | number | boolean | string[] | null;
export type Options = Record<string, Value>;

export interface ISubmitRequest {
  path: string;
  data: string;
  options: Options;
}

export interface IScript {
  script: string;
  template: string;
  lines: string[];
}

export interface IPreflight {
  total: number;
  sample: number;
  median_seconds: number;
  p95_seconds: number;
  max_seconds: number;
  peak_mb: number;
  core_hours: number;
  table_mb: number;
  cores: number;
  estimates: { cores: number; seconds: number; core_hours: number }[];
  failures: { item: string; message: string; where: string }[];
  unfinished: string[];
  printed: string;
  head_text: string;
}

export interface ILogPart {
  file: string;
  files: { name: string; size: number }[];
  text: string;
  offset: number;
  next_offset: number;
  size: number;
}

/** A table of the job that may be of an unfinished job, or be in the making. */
export interface IMerged {
  partial: boolean;
  merged: number;
}

export interface IMerging {
  merging: true;
  seconds: number;
  retry_seconds: number;
}

export interface IErrorGroup {
  group: string;
  count: number;
  kind: string;
  type: string;
  message: string;
  where: string;
  line: number | null;
  code: string;
  example: string;
  reproduce: string;
}

export interface IErrorGroups extends IMerged {
  groups: IErrorGroup[];
  total: number;
  items: number;
}

export interface IErrorItem {
  item: string;
  kind: string;
  type: string;
  message: string;
  where: string;
  traceback: string;
  seconds: number | null;
  host: string;
  attempt: number;
  reproduce: string;
}

export interface IErrorItems extends IMerged {
  items: IErrorItem[];
  total: number;
}

export interface IColumn {
  name: string;
  type: string;
  side: 'item' | 'input' | 'output';
  key: string;
}

export interface ICondition {
  column: string;
  op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' | 'contains' | 'missing' | 'present';
  value?: string | number | boolean;
}

export interface IResultQuery {
  offset: number;
  limit: number;
  sort?: string;
  filter?: ICondition[];
  columns?: string[];
  refresh?: boolean;
}

export type CellValue = string | number | boolean | null;

export interface IResultPage extends IMerged {
  columns: IColumn[];
  all_columns?: IColumn[];
  rows: CellValue[][];
  total: number;
  matching: number;
  offset: number;
}

export interface IDistribution extends IMerged {
  column: string;
  type: string;
  count: number;
  missing: number;
  edges: number[];
  counts: number[];
  values: string[];
  min: number | string | null;
  max: number | string | null;
  mean: number | null;
}

export interface IChart {
  job_id: string;
  points: { time: number; done: number; failed: number; rate: number; busy: number; workers: number }[];
  histogram: {
    edges: number[];
    counts: number[];
    sampled: number;
    median: number | null;
    p95: number | null;
    max: number | null;
  };
  attempts: { number: number; started: number; ended: number | null; state: State }[];
}

export interface IUsage {
  core_hours: number;
  seconds: number;
  busy_share: number | null;
  peak_memory_mb: number | null;
  accounting: boolean;
  attempts: {
    number: number;
    native_id: string;
    core_hours: number;
    seconds: number;
    peak_memory_mb: number | null;
    cpu_efficiency: number | null;
    state: string;
  }[];
}

export interface IDataset {
  path: string;
  kind: string;
  total: number | null;
  sample: string[];
  lines: string[];
  problem: { code: string; message: string; hint: string } | null;
  columns: string[];
  completions: { path: string; name: string; kind: 'folder' | 'file' }[];
}

export interface IPartition {
  name: string;
  default: boolean;
  max_seconds: number | null;
  cores: number;
  free_cores: number | null;
  up: boolean;
}

export interface ICluster {
  cores: number;
  memory_mb: number;
  default: string;
  schedulers: {
    name: string;
    reachable: boolean;
    message: string;
    accounts: string[];
    partitions: IPartition[];
  }[];
}

export interface IOption {
  name: string;
  flag: string;
  kind: 'flag' | 'number' | 'text' | 'duration' | 'memory' | 'list';
  default: Value;
  help: string;
  metavar: string;
}

export interface IConfig {
  version: string;
  home: string;
  root: string;
  python: string;
  options: IOption[];
  retry_options: IOption[];
  defaults: Options;
  profiles: Record<string, Options>;
}

/** What travels on Jupyter's event bus under this schema. */
export const JOB_EVENTS = 'https://jupyter-featx.org/events/job/v1';

export interface IJobEvent {
  schema_id: string;
  change: 'changed' | 'deleted';
  job_id: string;
  job: IJob | null;
}
