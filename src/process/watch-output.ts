import { statSync } from 'node:fs';
import type { Clock } from '../common/clock.ts';
import { lookOnChange } from './notice.ts';

/** How long a file may grow without a notice of the file system, in milliseconds. */
const pollPeriod = 1_000;

/** Calls `onExceeded` once, when a file holds more than `limit` bytes. The returned function ends the watch. */
export function watchOutput(file: string, limit: number, onExceeded: () => void, clock: Clock): () => void {
  const look = () => {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= limit) return;
    stop();
    onExceeded();
  };
  const stop = lookOnChange(file, pollPeriod, look, clock);
  return stop;
}
