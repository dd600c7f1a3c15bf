import { expect, test } from 'vitest';
import { parseSize } from './sizes.ts';

test.each([
  ['1048576', 1_048_576],
  ['512MiB', 512 * 2 ** 20],
  ['2G', 2 * 2 ** 30],
  ['1.5kb', 1536],
  ['10 B', 10],
])('%s is read', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(['', '0', '-1', 'many', '1PiB', '1 2', '9999999T'])('%j is refused', (text) => {
  expect(parseSize(text)).toBeUndefined();
});
