import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunState } from '../../src/protocol/states.ts';
import { traces, type RunPlan } from './run-script.ts';

/** One run that the server has acknowledged, and what was done to it. Times are milliseconds since the epoch. */
export interface RunRecord {
  readonly plan: RunPlan;
  readonly runId: string;
  agentKilledAt?: number;
  cancelledAt?: number;
  /** States, beside what its script did, that would be true of it because of what was done. */
  readonly excused: Set<RunState>;
}

/** What the scripts left outside the workspaces. */
export interface Traces {
  /** How often each run's script began, by the run's number. */
  begun: Map<string, number>;
  ended: Map<string, { code: number; at: number }>;
  /** How often each workspace was, by its run and its own name. */
  setups: Map<string, number>;
  teardowns: Map<string, number>;
  /** Processes of the scripts: number and start time. */
  processes: { pid: number; startTime: string }[];
}

export async function readTraces(folder: string): Promise<Traces> {
  const lines = async (name: string) =>
    (await readOrEmpty(join(folder, name))).split('\n').filter((line) => line !== '');
  return {
    begun: count(await lines(traces.begun)),
    ended: new Map((await lines(traces.ended)).map(readEnd)),
    setups: count(await lines(traces.setups)),
    teardowns: count(await lines(traces.teardowns)),
    processes: (await lines(traces.processes)).map(readIdentity),
  };
}

function count(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

function readEnd(line: string): [string, { code: number; at: number }] {
  const [number = '', code, at] = line.split(' ');
  return [number, { code: Number(code), at: Number(at) }];
}

/** `<run> <pid> (<name>) <state> …`: what follows the bracket is plain, and the start time is its twentieth field. */
function readIdentity(line: string): { pid: number; startTime: string } {
  const pid = Number(line.split(' ')[1]);
  return { pid, startTime: line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? '' };
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
