import { createBackoff } from '../../common/backoff.ts';
import { sleep, type Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { isDatabaseDown, isDatabaseShort } from '../store/database-down.ts';

export interface Persistence {
  clock: Clock;
  log: Logger;
  /** Aborted when nobody can wait any longer: the server stops. */
  givingUp: AbortSignal;
}

/** After which a failure that is neither the database's absence nor a full disk of it is taken for final: about half a minute. */
const mostFailures = 12;

/**
 * Does what nobody will ask for a second time: while the database is away, or has no room, for as long as that lasts;
 * after any other failure a few times more. Says whether it was done in the end.
 */
export async function persist(
  { clock, log, givingUp }: Persistence,
  what: string,
  work: () => Promise<void>,
): Promise<boolean> {
  const backoff = createBackoff({ first: 100, max: 5_000 });
  for (let failures = 0; ;) {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isDatabaseDown(error) && !isDatabaseShort(error)) failures += 1;
      if (failures === mostFailures || givingUp.aborted) {
        log.error({ err: error }, `${what} was given up.`);
        return false;
      }
      log.warn({ err: error }, `${what} failed; trying again.`);
      // An end of waiting is not an error: it makes the next try the last one.
      await sleep(clock, backoff.next(), givingUp).catch(() => undefined);
    }
  }
}
