import { createBackoff } from '../common/backoff.ts';
import { sleep, type Clock } from '../common/clock.ts';
import { ApiError, NetworkError } from './api-error.ts';

/** How a request that failed for a passing reason is sent again; delays in milliseconds. */
export interface RetryPolicy {
  /** Tries after the first one, at most; `Infinity` goes on until the signal is aborted. */
  retries: number;
  firstDelay: number;
  maxDelay: number;
}

/** What the official clients do. */
export const defaultRetryPolicy: RetryPolicy = { retries: 2, firstDelay: 500, maxDelay: 8_000 };

/** A server may ask for a longer pause than our own backoff, but not for ever. */
const longestPause = 60_000;

/** Calls `attempt` until it succeeds, fails for good, or the policy or the signal ends it. */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const backoff = createBackoff({ first: options.policy.firstDelay, max: options.policy.maxDelay });
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (retries >= options.policy.retries || !isPassing(error)) throw error;
      await sleep(options.clock, pauseAfter(error, backoff.next()), options.signal);
    }
  }
}

interface RetryOptions {
  policy: RetryPolicy;
  clock: Clock;
  signal?: AbortSignal | undefined;
}

/** Whether trying again may help: the network, an overloaded server, a server's own fault. */
export function isPassing(error: unknown): boolean {
  return error instanceof NetworkError || (error instanceof ApiError && error.retryable);
}

/** Milliseconds to wait before the next try. */
export function pauseAfter(error: unknown, delay: number): number {
  const asked = error instanceof ApiError ? (error.retryAfter ?? 0) : 0;
  return Math.max(delay, Math.min(asked, longestPause));
}
