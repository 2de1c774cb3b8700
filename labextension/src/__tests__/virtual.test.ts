import { expect, test } from 'vitest';
import { Heights, Scale, TALLEST } from '../components/virtual';

test('of five thousand jobs only those in view are drawn', () => {
  const heights = new Heights(Array.from({ length: 5000 }, (_, i) => (i % 10 ? 120 : 30)));
  const [first, end] = heights.range(heights.total / 2, 800);
  expect(end - first).toBeLessThan(30);
  expect(heights.top(first)).toBeLessThanOrEqual(heights.total / 2);
  expect(heights.top(end)).toBeGreaterThanOrEqual(heights.total / 2 + 800);
});

test('an empty list has nothing to draw', () => {
  expect(new Heights([]).range(0, 800)).toEqual([0, 0]);
});

test('the scroll bar of millions of rows reaches the first and the last', () => {
  const scale = new Scale(2_000_000, 26, 600);
  expect(scale.height).toBe(TALLEST);
  expect(scale.first(0)).toBe(0);
  expect(scale.first(scale.height - 600)).toBeCloseTo(2_000_000 - 600 / 26);
  expect(scale.first(scale.scrollTop(1_234_567))).toBeCloseTo(1_234_567, 3);
});

test('few rows are scrolled as they are', () => {
  const scale = new Scale(100, 26, 260);
  expect(scale.first(26 * 7)).toBeCloseTo(7);
  expect(new Scale(5, 26, 600).first(50)).toBe(0);
});
