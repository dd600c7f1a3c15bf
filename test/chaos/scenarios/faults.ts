import { systemClock } from '../../../src/common/clock.ts';
import { killPostmasterOf } from '../../helpers/postmaster.ts';
import { pause } from '../load.ts';
import { agentsOf } from '../processes.ts';
import type { Scenario } from '../scenario.ts';
import type { Revivable, Stage } from '../stage.ts';

/** One thing that breaks, and is whole again when the promise resolves. */
export type Fault = (stage: Stage) => Promise<void>;

/** Milliseconds between two faults: often enough to hit every moment of a run, seldom enough that runs get anywhere. */
export const often = [200, 900] as const;
/** For what takes a second to come back: it is to live for a moment. */
export const seldom = [600, 2_000] as const;
/** For a server: a daemon whose connections never hold waits longer and longer before it dials again. */
export const rarely = [5_200, 7_500] as const;

/** For runs that are to see some of what breaks rarely. */
export const longer: NonNullable<Scenario['plan']> = (usual, random) => ({
  ...usual,
  duration: random.between(2_000, 6_000),
});

export async function killDaemon(stage: Stage): Promise<void> {
  const daemon = stage.random.pick(stage.daemons);
  await daemon.kill();
  await daemon.revive();
}

export async function killServer({ server }: Stage): Promise<void> {
  await server.kill();
  await server.revive();
}

export async function killPostgres(stage: Stage): Promise<void> {
  await killPostmasterOf(stage.dataDir);
  // One kill after the other would leave no database to speak of.
  await untilReady(stage.server.url);
}

/** How long a database may take to recover from its crash, in milliseconds. */
const recovery = 30_000;

async function untilReady(url: string): Promise<void> {
  const deadline = systemClock.now() + recovery;
  while (!(await isReady(url)) && systemClock.now() < deadline) await pause(100);
}

async function isReady(url: string): Promise<boolean> {
  // A server that is being started again refuses the connection.
  return fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

export async function killAgent(stage: Stage): Promise<void> {
  const agents = await agentsOf(stage.records.map(({ runId }) => runId));
  if (agents.length === 0) return;
  const { pid, runId } = stage.random.pick(agents);
  const record = stage.records.find((record) => record.runId === runId);
  record?.excused.add('FAILED');
  try {
    process.kill(pid, 'SIGKILL');
    if (record) record.agentKilledAt = systemClock.now();
  } catch (error) {
    // It ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Cut, late in one direction, or swallowed in one direction, for a moment. */
export async function breakLine({ line, random }: Stage): Promise<void> {
  random.pick([
    () => line.cut(),
    () => line.stall('up'),
    () => line.stall('down'),
    () => line.swallow('up'),
    () => line.swallow('down'),
  ])();
  await pause(random.between(50, 500));
  line.mend();
}

/** Stops a program without a word, for longer than a lease, and lets it go on. */
export async function freeze(program: Revivable, duration: number): Promise<void> {
  program.signal('SIGSTOP');
  await pause(duration);
  program.signal('SIGCONT');
}
