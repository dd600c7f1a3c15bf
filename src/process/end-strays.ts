import { sleep } from '../common/clock.ts';
import { withDescendants } from './family.ts';
import { isSameProcess, type ProcessEntry, type ProcessIdentity } from './process-table.ts';
import type { ProcessTools } from './process-tools.ts';
import { sendSignal } from './send-signal.ts';

export interface Strays {
  /** `NAME=value` entries; a process with one of them in its environment is a stray. */
  markers: readonly string[];
  /** A variable that says whose a process is: one with another value of it is no stray, whatever else it has. */
  owner?: { name: string; value: string } | undefined;
  /** Processes that are strays whatever their environment says. */
  known?: readonly ProcessIdentity[];
}

/** Looking again this often finds what was forked while others were being killed. */
const maxRounds = 50;
const pauseBetweenRounds = 20;

/** Kills every stray, and every child of one, until none is left. Returns the numbers of those that would not die. */
export async function endStrays(strays: Strays, { table, clock }: ProcessTools): Promise<readonly number[]> {
  // To look at all processes of a busy machine is dear.
  if (strays.markers.length === 0 && !strays.known?.length) return [];
  let found = findStrays(strays, await table.snapshot());
  for (let round = 1; found.length > 0 && round < maxRounds; round += 1) {
    found.forEach(kill);
    await sleep(clock, pauseBetweenRounds);
    found = findStrays(strays, await table.snapshot());
  }
  return found.map((entry) => entry.pid);
}

function findStrays({ markers, owner, known = [] }: Strays, entries: readonly ProcessEntry[]): ProcessEntry[] {
  const knownKeys = new Set(known.map(keyOf));
  const isOwn = (entry: ProcessEntry) => isMarked(entry, markers) && !isAnothers(entry, owner);
  const strays = entries.filter((entry) => knownKeys.has(keyOf(entry)) || isOwn(entry));
  return [...withDescendants(strays, entries)].filter((entry) => entry.pid !== process.pid);
}

function isAnothers({ environment }: ProcessEntry, owner: Strays['owner']): boolean {
  if (owner === undefined) return false;
  const found = variablesOf(environment).find((variable) => variable.startsWith(`${owner.name}=`));
  return found !== undefined && found !== Buffer.from(`${owner.name}=${owner.value}`).toString('latin1');
}

export function isMarked({ environment }: ProcessEntry, markers: readonly string[]): boolean {
  if (!markers.some((marker) => environment.includes(marker))) return false;
  const variables = variablesOf(environment);
  return markers.some((marker) => variables.includes(Buffer.from(marker).toString('latin1')));
}

function variablesOf(environment: Buffer): string[] {
  return environment.toString('latin1').split('\0');
}

function keyOf({ pid, startTime }: ProcessIdentity): string {
  return `${pid}@${startTime}`;
}

function kill(stray: ProcessIdentity): void {
  // Between the reading and now its number may have been given to another process.
  if (isSameProcess(stray)) sendSignal(stray.pid, 'SIGKILL');
}
