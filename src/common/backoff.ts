/**
 * Delays that double from `first` to `max`, each drawn evenly from its upper half, so that many clients that lost the
 * same server do not come back at the same instant. In milliseconds.
 */
export function createBackoff({ first, max, random = Math.random }: BackoffOptions): Backoff {
  let ceiling = first;
  return {
    next() {
      const delay = ceiling / 2 + (random() * ceiling) / 2;
      ceiling = Math.min(ceiling * 2, max);
      return delay;
    },
    reset() {
      ceiling = first;
    },
  };
}

export interface BackoffOptions {
  first: number;
  max: number;
  random?: () => number;
}

export interface Backoff {
  next(): number;
  /** Starts over, after a success. */
  reset(): void;
}
