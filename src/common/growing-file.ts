import { watch, type FSWatcher } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Clock } from './clock.ts';

/** A file that another process appends to. It may be removed meanwhile; what was written stays readable. */
export interface GrowingFile {
  /** The bytes from `position` on, `max` at most; empty at what is its end for now. */
  read(position: number, max: number): Promise<Buffer>;
  /** Its length for now. */
  size(): Promise<number>;
  close(): Promise<void>;
}

/** A look at the file that stands behind the notices of the file system, which some do not give; in milliseconds. */
const pollPeriod = 1_000;

/** Calls `onGrowth` when there may be more to read: soon after a write, and now and then without one. */
export async function openGrowingFile(path: string, onGrowth: () => void, clock: Clock): Promise<GrowingFile> {
  const file = await open(path, 'r');
  const watcher = tryToWatch(path, onGrowth);
  let cancelPoll = () => undefined as void;
  const poll = () => {
    cancelPoll = clock.after(pollPeriod, () => {
      poll();
      onGrowth();
    });
  };
  poll();
  return {
    async read(position, max) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(max), 0, max, position);
      return buffer.subarray(0, bytesRead);
    },
    size: async () => (await file.stat()).size,
    async close() {
      cancelPoll();
      watcher?.close();
      await file.close();
    },
  };
}

function tryToWatch(path: string, onGrowth: () => void): FSWatcher | undefined {
  try {
    // An error later on, such as the file's end, leaves the poll.
    return watch(path, { persistent: false }, onGrowth).on('error', () => undefined);
  } catch {
    // The system has no watches left, or the file is gone already: the poll serves alone.
    return undefined;
  }
}
