import { aborted } from '../common/aborted.ts';
import { sleep, type Clock } from '../common/clock.ts';
import type { Containment } from './containment.ts';
import { endStrays, type Strays } from './end-strays.ts';
import { withDescendants } from './family.ts';
import type { ProcessTable } from './process-table.ts';
import type { ProcessTools } from './process-tools.ts';
import type { StartedProcess } from './start-process.ts';

export interface EndTreeOptions extends Pick<Strays, 'owner'> {
  /** How long the group has to end by itself after SIGTERM, in milliseconds. */
  grace: number;
  /** Ends the grace early. */
  hurry?: AbortSignal | undefined;
  /** `NAME=value` entries of which each process of the tree has at least one in its environment. */
  markers: readonly string[];
}

/** How often to look whether the rest of a group has ended, in milliseconds. */
const groupPoll = 50;

/** How long the killed have to go, in milliseconds: one that the kernel holds on to goes when it is let go. */
const patience = 10_000;

/**
 * Ends processes that belong together and all that came of them: SIGTERM to their groups, SIGKILL after the grace, then
 * SIGKILL to whatever left the groups. Of those that have exited already it ends what is left. Returns the numbers of
 * those that survived even that: none, unless the kernel holds on to them.
 */
export async function endTree(
  processes: readonly StartedProcess[],
  containment: Containment,
  options: EndTreeOptions,
  tools: ProcessTools,
): Promise<readonly number[]> {
  const isOver = processes.every((one) => one.hasExited());
  // To look at all processes of a busy machine is dear, and a task that ended by itself has nobody running.
  const entries = isOver ? [] : await tools.table.snapshot();
  // Of those that ran still when they had been looked at: the number of another may be somebody else's by then.
  const running = new Set(processes.filter((one) => !one.hasExited()).map(({ pid }) => pid));
  // Remembered before the end begins: a child without a marker can no longer be told once its parent is gone.
  const children = entries.filter(({ parent }) => running.has(parent));
  const family = [...withDescendants(children, entries)];
  await Promise.all(processes.map((one) => endGroup(one, options, tools)));
  await containment.kill();
  await within(patience, Promise.all(processes.map((one) => one.exited)), tools.clock);
  const stuck = processes.filter((one) => !one.hasExited()).map(({ pid }) => pid);
  const { markers, owner } = options;
  const strays = await endStrays({ markers, owner, known: family }, tools);
  return [...new Set([...stuck, ...strays, ...(await containment.survivors())])];
}

/** Resolves with a promise, or after `limit` milliseconds without it. */
async function within(limit: number, promise: Promise<unknown>, clock: Clock): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(limit, resolve);
  await Promise.race([promise, over]);
  cancel();
}

async function endGroup(started: StartedProcess, options: EndTreeOptions, tools: ProcessTools): Promise<void> {
  if (started.signalGroup('SIGTERM')) {
    // Those that are stopped can end by themselves, too.
    started.signalGroup('SIGCONT');
    await groupEnds(started, options, tools);
  }
  started.signalGroup('SIGKILL');
}

/** Resolves when no process of the group is left, or when the grace is over. */
async function groupEnds(started: StartedProcess, options: EndTreeOptions, tools: ProcessTools): Promise<void> {
  const grace = new AbortController();
  const cancel = tools.clock.after(options.grace, () => grace.abort());
  const over = AbortSignal.any([grace.signal, ...(options.hurry ? [options.hurry] : [])]);
  const graceOver = aborted(over);
  await Promise.race([started.exited, graceOver]);
  while (!over.aborted && !(await groupIsEmpty(started, tools.table))) {
    await Promise.race([sleep(tools.clock, groupPoll), graceOver]);
  }
  cancel();
}

async function groupIsEmpty(started: StartedProcess, table: ProcessTable): Promise<boolean> {
  if (!started.hasExited()) return false;
  return !(await table.snapshot()).some((entry) => entry.group === started.pid);
}
