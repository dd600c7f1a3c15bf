import { sleep, type Clock } from '../../../common/clock.ts';
import { sendSignal } from '../../../process/send-signal.ts';

/** How long a fast shutdown, with its last checkpoint, may take before an immediate one. In milliseconds. */
const stopLimit = 30_000;
const pollPeriod = 10;

/** Postgres' fast shutdown, awaited; after its time an immediate one, from which the next start recovers. */
export async function endProcess(pid: number, clock: Clock): Promise<void> {
  sendSignal(pid, 'SIGINT');
  if (await goneWithin(pid, stopLimit, clock)) return;
  sendSignal(pid, 'SIGQUIT');
  if (await goneWithin(pid, stopLimit, clock)) return;
  throw new Error(`Postgres (process ${pid}) does not end.`);
}

export function isRunning(pid: number): boolean {
  return sendSignal(pid, 0);
}

/** Polled, because an adopted Postgres is no child of this process. */
async function goneWithin(pid: number, limit: number, clock: Clock): Promise<boolean> {
  const deadline = clock.now() + limit;
  while (isRunning(pid)) {
    if (clock.now() > deadline) return false;
    await sleep(clock, pollPeriod);
  }
  return true;
}
