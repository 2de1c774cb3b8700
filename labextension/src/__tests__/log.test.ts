import { expect, test } from 'vitest';
import type { ILogPart } from '../api';
import { LogText, search } from '../page/logtext';

const TEXT = Array.from({ length: 200_000 }, (_, i) => `line ${i} é`).join('\n');
const BYTES = new TextEncoder().encode(TEXT);

function part(offset: number, limit: number): ILogPart {
  let end = Math.min(BYTES.length, offset + limit);
  while (end < BYTES.length && (BYTES[end] & 0xc0) === 0x80) {
    end--;
  }
  const text = new TextDecoder().decode(BYTES.slice(offset, end));
  return { file: 'job.log', files: [], text, offset, next_offset: end, size: BYTES.length };
}

test('a log grows at both ends and is never held whole', () => {
  let log = LogText.of(part(1_000_000, 100));
  log = log.before(part(999_900, 100)).after(part(1_000_100, 100));
  expect([log.start, log.end]).toEqual([999_900, 1_000_200]);
  expect(log.raw).toBe(part(999_900, 300).text);
  let all = LogText.of({ ...part(0, 0), size: 1e9 });
  for (let i = 0; i < 40; i++) {
    const text = 'x'.repeat(262_144);
    all = all.after({ file: 'f', files: [], text, offset: i * 262_144, next_offset: (i + 1) * 262_144, size: 1e9 });
  }
  expect(all.end - all.start).toBeLessThan(7_000_000);
});

test('a log that was written anew is read anew', () => {
  const log = LogText.of(part(1000, 100)).after({ ...part(0, 10), size: 10 });
  expect([log.start, log.end]).toEqual([0, 10]);
});

test('a line of megabytes is cut', () => {
  const log = LogText.of({ file: 'f', files: [], text: 'y'.repeat(1_000_000), offset: 0, next_offset: 1e6, size: 1e6 });
  expect(log.lines()[0].length).toBeLessThan(2100);
});

test('text is found in a log of any size, by its byte', async () => {
  const read = async (offset: number, limit: number) => part(offset, limit);
  const found = await search(read, 'LINE 150000 é', 0, () => undefined);
  expect(found?.text.startsWith('line 150000 é')).toBe(true);
  expect(await search(read, 'nowhere', 0, () => undefined)).toBeNull();
});
