/** Find the texts of the panel in its sources, for the tests of the catalogue. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const TEXT = String.raw`('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")`;
const ONE = new RegExp(String.raw`trans\.__\(\s*${TEXT}`, 'g');
const TWO = new RegExp(String.raw`trans\._n\(\s*${TEXT},\s*${TEXT}`, 'g');

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return entry.name === '__tests__' ? [] : sources(path);
    }
    return /\.tsx?$/.test(entry.name) ? [readFileSync(path, 'utf8')] : [];
  });
}

const read = (literal: string): string =>
  JSON.parse(
    `"${literal
      .slice(1, -1)
      .replace(/\\'/g, "'")
      .replace(/(?<!\\)"/g, '\\"')}"`
  );

/** Return the texts, and those that have a form for one and a form for many. */
export function texts(folder: string): { one: Set<string>; many: Set<string> } {
  const all = sources(folder);
  return {
    one: new Set(all.flatMap(source => [...source.matchAll(ONE)].map(match => read(match[1])))),
    many: new Set(all.flatMap(source => [...source.matchAll(TWO)].map(match => read(match[1]))))
  };
}
