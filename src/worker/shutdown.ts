import { aborted } from '../common/aborted.ts';
import { sleep, type Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { OnShutdown } from './config/config-file.ts';
import type { Connection } from './connection/connection.ts';
import type { ConsoleHub } from './console/console-hub.ts';
import type { Journal } from './journal/journal.ts';
import type { Supervisor } from './supervisor.ts';

export interface Shutdown {
  supervisor: Supervisor;
  connection: Connection;
  console: ConsoleHub;
  journal: Journal;
  /** Aborted when the tasks are to end, whatever else was asked for. */
  cancel: AbortSignal;
  /** Aborted when that takes too long: whatever still runs is killed. */
  hurry: AbortController;
  clock: Clock;
  log: Logger;
}

/** How long tasks and their teardowns may take once they are cancelled. All limits are in milliseconds. */
const cancelLimit = 60_000;
/** How long the last messages may take. What is not said by then is in the journal, for the next daemon to say. */
const farewellLimit = 2_000;
/** How long a daemon that leaves its tasks running listens for somebody who would rather have them end. */
const secondThought = 500;

/** Ends the daemon as it was asked to; what becomes of its tasks is decided here. */
export async function shutDown(mode: OnShutdown, shutdown: Shutdown): Promise<void> {
  const { supervisor, connection, journal, cancel } = shutdown;
  if (mode === 'drain') await drain(shutdown);
  if (mode === 'detach') await detach(shutdown);
  if (mode === 'cancel' || cancel.aborted) await cancelTasks(shutdown);
  supervisor.refuse();
  await connection.close(farewellLimit);
  journal.freeze();
  await journal.close();
}

async function drain({ supervisor, cancel, log }: Shutdown): Promise<void> {
  log.info(`Draining: ${inWords(supervisor.running())} still to end`);
  await Promise.race([supervisor.drain(), aborted(cancel)]);
}

async function detach({ supervisor, cancel, clock, log }: Shutdown): Promise<void> {
  supervisor.refuse();
  if (supervisor.running() === 0 || cancel.aborted) return;
  log.info(`${inWords(supervisor.running())} left running; the next daemon with this state folder takes over`);
  await Promise.race([sleep(clock, secondThought), aborted(cancel)]);
}

async function cancelTasks({ supervisor, console, hurry, clock, log }: Shutdown): Promise<void> {
  if (supervisor.running() > 0) log.info(`Ending: ${inWords(supervisor.running())} cancelled, then torn down`);
  const stopWaiting = clock.after(cancelLimit, () => hurry.abort());
  console.hurry();
  await supervisor.shutDown();
  stopWaiting();
  await Promise.race([supervisor.settled(), sleep(clock, farewellLimit)]);
}

function inWords(count: number): string {
  return count === 1 ? '1 task is' : `${count} tasks are`;
}
