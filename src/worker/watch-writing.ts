import type { Clock } from '../common/clock.ts';
import type { Journal } from './journal/journal.ts';
import { isDiskFull } from './journal/replace-file.ts';

/** Between two looks whether what could not be written can be, in milliseconds. */
const period = 1_000;

/** Of a problem, in UTF-16 code units; the server takes no more. */
const mostWords = 500;

/** Knows whether tasks can be written down. */
export interface Writing {
  /** Why not, in words that could follow "because". */
  problem(): string | undefined;
  /** One could not be. From now on it is tried, until one could. */
  failed(error: unknown): string;
  stop(): void;
}

export function watchWriting(journal: Pick<Journal, 'tryOut'>, clock: Clock, onChange: () => void): Writing {
  let problem: string | undefined;
  let isStopped = false;
  let cancel: (() => void) | undefined;

  function failed(error: unknown): string {
    problem = isDiskFull(error) ? 'the disk of its state folder is full' : (error as Error).message.slice(0, mostWords);
    if (!isStopped) cancel ??= clock.after(period, tryAgain);
    onChange();
    return problem;
  }

  function tryAgain(): void {
    cancel = undefined;
    journal.tryOut().then(mended, failed);
  }

  function mended(): void {
    problem = undefined;
    onChange();
  }

  function stop(): void {
    isStopped = true;
    cancel?.();
  }

  return { problem: () => problem, failed, stop };
}
