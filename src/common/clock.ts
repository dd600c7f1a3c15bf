/** Time as a dependency, so that tests decide when it passes. All durations are in milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `run` once after `delay`; the returned function takes that back. */
  after(delay: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay, run) {
    let timer = setTimeout(runOrWaitOn, Math.min(delay, longestTimer), delay);
    function runOrWaitOn(due: number): void {
      if (due <= longestTimer) return run();
      timer = setTimeout(runOrWaitOn, Math.min(due - longestTimer, longestTimer), due - longestTimer);
    }
    return () => clearTimeout(timer);
  },
};

/** Node's timers take no more, some 25 days, and run at once instead. */
const longestTimer = 2 ** 31 - 1;

/** Resolves after `delay`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = () => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = clock.after(delay, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Calls `run` once in every `period`; the returned function ends it, also from within `run`. */
export function repeat(clock: Clock, period: number, run: () => void): () => void {
  let cancel = clock.after(period, again);
  function again(): void {
    cancel = clock.after(period, again);
    run();
  }
  return () => cancel();
}
