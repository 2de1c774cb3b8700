/** The Korean catalogue holds every text of the panel, and nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { texts } from './texts';

const root = join(import.meta.dirname, '..', '..', '..');
const path = join(root, 'jupyter_featx', 'locale', 'ko_KR', 'LC_MESSAGES', 'jupyter_featx.json');
const catalogue: Record<string, any> = JSON.parse(readFileSync(path, 'utf8'));
const { one, many } = texts(join(root, 'labextension', 'src'));
const holes = (text: string) => [...text.matchAll(/%\d/g)].map(match => match[0]).sort();

test('every text has its Korean', () => {
  expect([...one].filter(text => catalogue[text]?.length !== 1)).toEqual([]);
});

test('a text for one and for many has its Korean twice, or JupyterLab would not show it', () => {
  expect([...many].filter(text => catalogue[text]?.length !== 2)).toEqual([]);
});

test('a translation has the places for values that its text has', () => {
  const wrong = [...one].filter(text => holes(text).join() !== holes(catalogue[text][0]).join());
  expect(wrong).toEqual([]);
});

test('the header is what JupyterLab asks for', () => {
  expect(catalogue['']).toMatchObject({
    domain: 'jupyter_featx',
    language: 'ko-KR',
    plural_forms: 'nplurals=1; plural=0;'
  });
});
