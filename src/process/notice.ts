import { watch, type FSWatcher } from 'node:fs';
import type { Clock } from '../common/clock.ts';

/**
 * Calls `look` after every change in a folder, and once in every `period` milliseconds, for file systems and machines
 * that give no notice. The returned function ends it.
 */
export function lookOnChange(folder: string, period: number, look: () => void, clock: Clock): () => void {
  const watcher = tryToWatch(folder, look);
  let cancel = () => undefined as void;
  const poll = () => {
    cancel = clock.after(period, () => {
      poll();
      look();
    });
  };
  poll();
  return () => {
    cancel();
    watcher?.close();
  };
}

function tryToWatch(folder: string, look: () => void): FSWatcher | undefined {
  try {
    // An error later on, such as the folder's end, leaves the poll.
    return watch(folder, { persistent: false }, look).on('error', () => undefined);
  } catch {
    // The system has no watches left, or the folder is gone already: the poll serves alone.
    return undefined;
  }
}
