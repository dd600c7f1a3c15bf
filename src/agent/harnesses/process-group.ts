import { sleep, type Clock } from '../../common/clock.ts';
import { createProcessTable } from '../../process/process-table.ts';

/** Milliseconds between two looks at whether a group is gone. */
const interval = 20;

interface Patience {
  /** Milliseconds that the group has to end by itself. */
  settle: number;
  /** Milliseconds between SIGTERM and SIGKILL. */
  grace: number;
}

/** Ends what is left of a process group: waits, asks, kills. Returns when nobody of it is left. */
export async function endGroup(group: number, clock: Clock, { settle, grace }: Patience): Promise<void> {
  if (await isGoneWithin(group, settle, clock)) return;
  signalGroup(group, 'SIGTERM');
  if (await isGoneWithin(group, grace, clock)) return;
  signalGroup(group, 'SIGKILL');
  await isGoneWithin(group, grace, clock);
}

async function isGoneWithin(group: number, patience: number, clock: Clock): Promise<boolean> {
  const deadline = clock.now() + patience;
  while (await isAlive(group)) {
    if (clock.now() >= deadline) return false;
    await sleep(clock, interval);
  }
  return true;
}

async function isAlive(group: number): Promise<boolean> {
  if (!signalGroup(group, 0)) return false;
  // A member that has ended and that nobody reaps can still be signalled: only the process table tells.
  const entries = await createProcessTable().snapshot();
  return entries.length === 0 || entries.some((entry) => entry.group === group);
}

/** Whether there was anybody to signal; 0 only asks. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    // ESRCH: the group is gone. EPERM: what is left of it runs as somebody else.
    if (['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
