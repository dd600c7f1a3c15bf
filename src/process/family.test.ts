import { expect, test } from 'vitest';
import { withDescendants } from './family.ts';
import type { ProcessEntry } from './process-table.ts';

test('a family of fifty thousand generations is found, in no time', () => {
  const entries = Array.from({ length: 50_000 }, (_, index) => entry(index + 2, index + 1)).toReversed();
  const others = [entry(60_000, 1), entry(60_001, 60_000)];
  const found = withDescendants([entry(2, 1)], [...entries, ...others]);
  expect(new Set([...found].map(({ pid }) => pid)).size).toBe(50_000);
});

function entry(pid: number, parent: number): ProcessEntry {
  return { pid, parent, group: pid, startTime: '1', environment: Buffer.alloc(0) };
}
