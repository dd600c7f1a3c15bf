import { open } from 'node:fs/promises';
import type { Clock } from './clock.ts';
import { lookOnChange } from './look-on-change.ts';

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
  const stopLooking = lookOnChange(path, pollPeriod, onGrowth, clock);
  return {
    async read(position, max) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(max), 0, max, position);
      return buffer.subarray(0, bytesRead);
    },
    size: async () => (await file.stat()).size,
    async close() {
      stopLooking();
      await file.close();
    },
  };
}
