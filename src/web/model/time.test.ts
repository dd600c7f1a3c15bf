import { expect, test } from 'vitest';
import { formatDuration, parseIsoDuration, relativeTime } from './time.ts';

const now = Date.parse('2026-03-01T12:00:00Z');

test.each([
  ['2026-03-01T11:59:57Z', 'just now'],
  ['2026-03-01T12:00:30Z', 'just now'],
  ['2026-03-01T11:59:18Z', '42 sec. ago'],
  ['2026-03-01T11:58:01Z', '1 min. ago'],
  ['2026-03-01T07:00:00+00:00', '5 hr. ago'],
  ['2026-02-26T11:00:00Z', '3 days ago'],
])('%s is shown as %s', (at, words) => {
  expect(relativeTime(at, now)).toBe(words);
});

test.each([
  [-5, '0 ms'],
  [38.4, '38 ms'],
  [999.4, '999 ms'],
  [999.5, '1.0 s'],
  [9949, '9.9 s'],
  [9950, '10 s'],
  [59_700, '1 min 0 s'],
  [200_000, '3 min 20 s'],
  [3_600_000, '1 h 0 min'],
  [90_060_000, '25 h 1 min'],
])('%i ms are shown as %s', (duration, words) => {
  expect(formatDuration(duration)).toBe(words);
});

test.each([
  ['PT0.42S', 420],
  ['PT3M20S', 200_000],
  ['P1DT2H', 93_600_000],
  ['PT0S', 0],
  ['12 s', undefined],
])('the ISO duration %s is %s ms', (text, duration) => {
  expect(parseIsoDuration(text)).toBe(duration);
});
