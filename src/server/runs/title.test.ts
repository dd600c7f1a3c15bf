import { expect, test } from 'vitest';
import { titleOf } from './title.ts';

test('a title is the first line that says something', () => {
  expect(titleOf('\n  \n  Fix   the build \nand more')).toBe('Fix the build');
});

test('a long title is cut on a word, at 80 characters', () => {
  const title = titleOf('word '.repeat(40));
  expect(title).toBe(`${'word '.repeat(15)}word…`);
  expect(title.length).toBeLessThanOrEqual(80);
});

test('one long word is cut where it must be, never inside a character', () => {
  expect(titleOf('x'.repeat(200))).toBe(`${'x'.repeat(79)}…`);
  expect(titleOf('😀'.repeat(60)).isWellFormed()).toBe(true);
});

test('an empty prompt has a title too', () => {
  expect(titleOf('')).toBe('Untitled run');
});
