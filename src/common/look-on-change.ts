import { watch, type FSWatcher } from 'node:fs';
import { repeat, type Clock } from './clock.ts';

/**
 * Calls `look` after every change of a file or in a folder, and once in every `period` milliseconds, for file systems and
 * machines that give no notice. The returned function ends it.
 */
export function lookOnChange(path: string, period: number, look: () => void, clock: Clock): () => void {
  const watcher = tryToWatch(path, look);
  const stopPolling = repeat(clock, period, look);
  return () => {
    stopPolling();
    watcher?.close();
  };
}

function tryToWatch(path: string, look: () => void): FSWatcher | undefined {
  try {
    // An error later on, such as the end of what is watched, leaves the poll.
    return watch(path, { persistent: false }, look).on('error', () => undefined);
  } catch {
    // The system has no watches left, or there is nothing to watch any more: the poll serves alone.
    return undefined;
  }
}
