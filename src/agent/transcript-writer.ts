import type { Clock } from '../common/clock.ts';
import type { Entry } from '../protocol/transcript.ts';
import { createEntryQueue, type NewEntry } from './entry-queue.ts';
import type { OutputStream } from './recorder.ts';
import type { UnsentCalls } from './unsent-calls.ts';

/** Milliseconds that an entry waits for company, at most, before it is sent. */
const flushDelay = 25;
/** Milliseconds without an answer after which what waits is kept outside this process. */
const keepDelay = 500;
/** UTF-16 code units of unsent text above which a writer is full, and below which it takes more again. */
const full = 4 * 1024 * 1024;
const roomy = full / 2;

/**
 * Delivers a run's transcript: in order, each entry once, one delivery at a time.
 *
 * ```
 * quiet → gathering (25 ms) → sending → quiet | gathering
 *                                └────→ lost: fenced, or refused for good; nothing is kept any more
 * ```
 *
 * A delivery that fails for a passing reason is repeated unchanged by `append`, for as long as it takes; meanwhile
 * entries queue up, and `room` holds the harness back: a full writer stops reading the child's pipe, and so, in the end,
 * the child. What the server leaves unanswered for half a second is also kept on disk, where it outlives this process.
 */
export interface TranscriptWriter {
  /** Answers the entry's index. */
  add(entry: NewEntry): number;
  extend(target: number, text: string, stream?: OutputStream): void;
  /** Resolves when there is room for more, or nobody shall be held back any longer. */
  room(): Promise<void>;
  /** Keeps now what is not delivered yet. */
  keepUnsent(): void;
  /** Resolves once the server has everything; rejects when the writer is lost or the signal is aborted. */
  delivered(signal: AbortSignal): Promise<void>;
}

export interface TranscriptWriterOptions {
  firstIndex: number;
  turn: number;
  clock: Clock;
  /** Sends entries and answers the index expected next; repeats what may pass, throws what will not. */
  append(entries: readonly Entry[]): Promise<number>;
  unsent: UnsentCalls;
  /** Aborted when the harness is being ended: from then on it is not held back. */
  release: AbortSignal;
  /** Called once, when the server will take no more. */
  onLost(error: unknown): void;
}

export function createTranscriptWriter(options: TranscriptWriterOptions): TranscriptWriter {
  const { clock } = options;
  const queue = createEntryQueue({ ...options, now: () => clock.now() });
  const changed = createBell();
  let state: 'quiet' | 'gathering' | 'sending' | 'lost' = 'quiet';
  let loss: unknown;
  let stopGathering = () => {};
  let stopWatching: (() => void) | undefined;
  let answers = 0;

  const keepUnsent = () => {
    for (const entries of queue.unkept()) options.unsent.keep({ call: 'append_entries', entries });
  };
  /** Keeps what waits, for as long as no answer comes. */
  const watch = () => {
    const before = answers;
    stopWatching ??= clock.after(keepDelay, () => {
      stopWatching = undefined;
      if (answers === before) keepUnsent();
      watch();
    });
  };
  const unwatch = () => {
    stopWatching?.();
    stopWatching = undefined;
  };
  const gather = () => {
    if (state === 'lost') return;
    watch();
    if (state !== 'quiet') return;
    state = 'gathering';
    stopGathering = clock.after(flushDelay, () => void send());
  };
  const send = async () => {
    state = 'sending';
    try {
      queue.acknowledge(await options.append(queue.batch()));
      state = 'quiet';
      answers += 1;
      if (queue.isEmpty()) {
        unwatch();
        options.unsent.forget();
      } else gather();
    } catch (error) {
      state = 'lost';
      loss = error;
      unwatch();
      options.onLost(error);
    }
    changed.ring();
  };
  const isLost = () => state === 'lost';
  const isFuller = (length: number) => !isLost() && !options.release.aborted && queue.textLength() > length;
  options.release.addEventListener('abort', () => changed.ring(), { once: true });
  const sendNow = () => {
    if (state !== 'gathering') return;
    stopGathering();
    void send();
  };

  return {
    add(entry) {
      const index = queue.add(entry);
      gather();
      return index;
    },
    extend(target, text, stream) {
      if (isLost()) return;
      queue.extend(target, text, stream);
      gather();
    },
    async room() {
      if (!isFuller(full)) return;
      while (isFuller(roomy)) {
        sendNow();
        await changed.rung();
      }
    },
    keepUnsent,
    async delivered(signal) {
      while (!isLost() && !queue.isEmpty()) {
        sendNow();
        await changed.rung(signal);
      }
      if (isLost()) throw loss;
    },
  };
}

interface Bell {
  ring(): void;
  /** Resolves at the next ring; rejects with the signal's reason. */
  rung(signal?: AbortSignal): Promise<void>;
}

function createBell(): Bell {
  let next = Promise.withResolvers<void>();
  return {
    ring() {
      next.resolve();
      next = Promise.withResolvers();
    },
    rung(signal) {
      if (!signal) return next.promise;
      return Promise.race([next.promise, rejectionBy(signal)]);
    },
  };
}

function rejectionBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
