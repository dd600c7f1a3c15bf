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
  /**
   * One could not be, for the reason that it answers. Whether others could is tried out at once, and as long as they could
   * not: one task's own trouble, such as a leftover that cannot be removed, says nothing of the next one.
   */
  failed(error: unknown): string;
  stop(): void;
}

export function watchWriting(journal: Pick<Journal, 'tryOut'>, clock: Clock, onChange: () => void): Writing {
  let problem: string | undefined;
  let isStopped = false;
  let isTrying = false;
  let cancel: (() => void) | undefined;

  function tryOut(): void {
    cancel = undefined;
    isTrying = true;
    journal.tryOut().then(
      () => know(undefined),
      (error: unknown) => know(wordsFor(error)),
    );
  }

  function know(words: string | undefined): void {
    isTrying = false;
    problem = words;
    if (words !== undefined && !isStopped) cancel = clock.after(period, tryOut);
    onChange();
  }

  return {
    problem: () => problem,
    failed(error) {
      if (!isStopped && !isTrying && cancel === undefined) tryOut();
      return wordsFor(error);
    },
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}

function wordsFor(error: unknown): string {
  return isDiskFull(error) ? 'the disk of its state folder is full' : (error as Error).message.slice(0, mostWords);
}
