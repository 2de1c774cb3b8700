import { expect, test } from 'vitest';
import { bytes, duration, oneLine, plain, rate, shortTime } from '../wording';
import { HOSTILE } from './jobs';

test('a text is one line without escapes and direction marks', () => {
  expect(oneLine(HOSTILE, 200)).toBe('<script>window.bad=1</script><img src=x onerror="window.bad=1">gnp.red');
  expect(oneLine('a\n\tb\r\nc')).toBe('a b c');
});

test('a text of megabytes is cut', () => {
  expect(oneLine('x'.repeat(5_000_000), 50)).toHaveLength(50);
});

test('the lines of a log stay lines', () => {
  expect(plain('10 %\r20 %\r\nend\x1b[0m')).toBe('10 %\n20 %\nend');
});

test('times are said as on the card of the notebook', () => {
  expect([5, 65, 3900, 183600].map(duration)).toEqual(['5 s', '1 m 05 s', '1 h 05 m', '2 d 03 h']);
  expect([null, NaN, -1].map(duration)).toEqual(['–', '–', '–']);
  expect([0.0004, 0.012, 3.4].map(shortTime)).toEqual(['0.4 ms', '12 ms', '3.4 s']);
});

test('a speed has the unit in which it is more than one', () => {
  expect([12, 0.5, 0.01].map(rate)).toEqual(['12 items/s', '30 items/min', '36 items/h']);
  expect(bytes(123_456_789)).toBe('123 MB');
});
