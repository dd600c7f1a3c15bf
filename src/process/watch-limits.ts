import { sleep, type Clock } from '../common/clock.ts';
import type { Containment } from './containment.ts';

/** How long a met limit may go unnoticed, in milliseconds. */
const pollPeriod = 500;

/**
 * Calls `onExceeded` once, when a limit of a containment has been met. The returned function ends the watch. A failure to
 * look goes to `onError`, and ends it too.
 */
export function watchLimits(
  containment: Containment,
  onExceeded: (limit: 'memory' | 'processes') => void,
  onError: (error: unknown) => void,
  clock: Clock,
): () => void {
  const stop = new AbortController();
  const watch = async () => {
    while (!stop.signal.aborted) {
      const exceeded = await containment.exceeded();
      if (exceeded !== undefined && !stop.signal.aborted) return onExceeded(exceeded);
      await sleep(clock, pollPeriod, stop.signal);
    }
  };
  watch().catch((error: unknown) => {
    if (!stop.signal.aborted) onError(error);
  });
  return () => stop.abort();
}
