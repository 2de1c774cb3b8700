import { expect, test } from 'vitest';
import type { IConfig, IOption } from '../api';
import { absolute, again, beside, blamed, requestOf } from '../form/request';
import { RequestError } from '../request';
import { job } from './jobs';

const option = (name: string, kind: IOption['kind'], value: IOption['default']): IOption => ({
  name,
  flag: `--${name.replace('_', '-')}`,
  kind,
  default: value,
  help: '',
  metavar: 'X'
});

const config: IConfig = {
  version: '1',
  home: '/home/u/featx',
  root: '/home/u/',
  python: 'python',
  options: [
    option('cores', 'number', 2),
    option('walltime', 'duration', null),
    option('preflight', 'flag', true),
    option('profile', 'text', null)
  ],
  retry_options: [],
  defaults: { walltime: '1h' },
  profiles: { big: { cores: 64 } }
};
const choices = { path: 'a/note.ipynb', data: ' data ', profile: '', values: {} };

test('only what differs from what the server knows is asked for', () => {
  expect(requestOf({ ...choices, values: { cores: '', walltime: '1h', preflight: true } }, config).options).toEqual({});
  expect(requestOf({ ...choices, values: { cores: '8', preflight: false } }, config)).toEqual({
    path: 'a/note.ipynb',
    data: 'data',
    options: { cores: '8', preflight: false }
  });
  expect(requestOf({ ...choices, profile: 'big' }, config).options).toEqual({ profile: 'big' });
});

test('a job is submitted again with what it was submitted with', () => {
  const values = again(job({ resources: { cores: 8, ranks: 4, threads: 1, walltime_seconds: 3600 } })).values;
  expect(values).toMatchObject({ cores: '4x2', walltime: '3600s', item_memory: '' });
});

test('a path is relative to the notebook, as in a cell of it', () => {
  expect(absolute('data', 'a/note.ipynb', '/home/u/')).toBe('/home/u/a/data');
  expect(absolute('/data', 'a/note.ipynb', '/home/u')).toBe('/data');
  expect(beside('/home/u/a/data/', 'a/note.ipynb', '/home/u')).toBe('data/');
  expect(beside('/else/where', 'a/note.ipynb', '/home/u')).toBe('/else/where');
});

test('a refusal is shown at the field that it is about', () => {
  const about = (message: string, code: string) =>
    blamed(new RequestError('refused', message, '', code), config.options);
  expect(about("walltime='x' is no duration.", 'spec')).toBe('walltime');
  expect(about('There is nothing at /x.', 'dataset')).toBe('data');
  expect(about('The scheduler says no.', 'scheduler')).toBe('');
});
