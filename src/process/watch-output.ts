import { statSync } from 'node:fs';
import type { Clock } from '../common/clock.ts';
import { lookOnChange } from '../common/look-on-change.ts';

/** How long a file may grow without a notice of the file system, in milliseconds. */
const pollPeriod = 1_000;

export interface OutputWatch {
  /** The folder of the file, which need not be there yet. */
  folder: string;
  /** Which file it is by now. */
  file: () => string;
  /** In bytes. */
  limit: number;
  /** Called once, when the file holds more. */
  onExceeded: () => void;
}

/** The returned function ends the watch. */
export function watchOutput({ folder, file, limit, onExceeded }: OutputWatch, clock: Clock): () => void {
  const look = () => {
    const size = statSync(file(), { throwIfNoEntry: false })?.size ?? 0;
    if (size <= limit) return;
    stop();
    onExceeded();
  };
  const stop = lookOnChange(folder, pollPeriod, look, clock);
  return stop;
}
