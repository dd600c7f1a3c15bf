import type { ProcessEntry } from './process-table.ts';

/**
 * These processes, and all that came of them. Whoever sets out to can make generations by the ten thousand: each entry is
 * looked at once, and no call nests.
 */
export function withDescendants(of: Iterable<ProcessEntry>, entries: readonly ProcessEntry[]): Set<ProcessEntry> {
  const byParent = Map.groupBy(entries, ({ parent }) => parent);
  const found = new Set(of);
  // What is added while one walks through a set is walked through too.
  for (const { pid } of found) for (const child of byParent.get(pid) ?? []) found.add(child);
  return found;
}
