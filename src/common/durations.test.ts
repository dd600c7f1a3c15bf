import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from './durations.ts';

test.each([
  ['60s', 60_000],
  ['2m', 120_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1_500],
  ['250ms', 250],
  ['0', 0],
  ['0s', 0],
])('reads %s as %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '60', 's', '-1s', '1 s', '1d', '1h 30m', '1..5s', '.s', '10sx', 'Infinity'])(
  'does not take "%s"',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test.each([
  [60_000, '1m'],
  [5_400_000, '1h30m'],
  [1_250, '1.25s'],
  [61_500, '1m1.5s'],
  [250, '250ms'],
  [0, '0s'],
])('writes %d ms as %s, which reads back alike', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
  expect(parseDuration(text)).toBe(ms);
});
