import { sleep, type Clock } from '../../common/clock.ts';
import { isDatabaseDown } from './database-down.ts';

/** Between two tries, and how long it is tried, in milliseconds: Postgres needs some seconds to recover from its crash. */
const pause = 200;
const patience = 30_000;

/**
 * Does what a start needs of a database that was there a moment ago: one that has crashed and is being restarted ends no
 * start. Rejects with the reason of `stop` when that comes first.
 */
export async function throughOutage<T>(
  { clock, stop }: { clock: Clock; stop: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  const giveUpAt = clock.now() + patience;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isDown = isDatabaseDown(error) || isDatabaseDown((error as Error).cause);
      if (!isDown || clock.now() >= giveUpAt) throw error;
      await sleep(clock, pause, stop);
    }
  }
}
