import { readdir, readFile, readlink } from 'node:fs/promises';
import { isSameProcess } from '../../src/process/process-table.ts';
import type { Traces } from './ledger.ts';

interface Found {
  pid: number;
  arguments: string[];
}

/** The processes that run one of these runs' agents, and nothing that only stands in front of them. */
export async function agentsOf(runIds: readonly string[]): Promise<{ pid: number; runId: string }[]> {
  const found = await Promise.all((await allPids()).map(lookAt));
  return found.flatMap((process) => {
    const runId = process && runIds.find((id) => process.arguments.includes(id));
    return process && runId && process.arguments[0]?.endsWith('node') ? [{ pid: process.pid, runId }] : [];
  });
}

/**
 * What is left of runs: whatever signed in and still lives, also where it has cleared its environment and left its
 * folder, and whatever has one of the folders in its arguments, its environment or as its working directory.
 */
export async function survivors(folder: string, traces: Traces, ours: readonly number[]): Promise<string[]> {
  const signedIn = new Set(traces.processes.filter(isSameProcess).map(({ pid }) => pid));
  const found = await Promise.all(
    (await allPids()).map(async (pid) => (signedIn.has(pid) || (await mentions(pid, folder)) ? pid : undefined)),
  );
  const left = found.filter((pid) => pid !== undefined && !ours.includes(pid)) as number[];
  return Promise.all(
    left.map(async (pid) => `${pid} ${(await read(pid, 'cmdline')).replaceAll('\0', ' ').slice(0, 120)}`),
  );
}

/** Groups that hold, or held, the processes of these executions. */
export async function controlGroups(executionIds: readonly string[]): Promise<string[]> {
  const root = '/sys/fs/cgroup';
  // Groups come and go while they are listed, and a host may have none at all.
  const groups = await readdir(root, { recursive: true }).catch(() => []);
  return groups.filter((path) => executionIds.some((id) => path.endsWith(`/oz-${id}`)));
}

async function mentions(pid: number, folder: string): Promise<boolean> {
  const signs = await Promise.all([read(pid, 'cmdline'), read(pid, 'environ'), target(pid)]);
  return signs.some((sign) => sign.includes(folder));
}

async function allPids(): Promise<number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid).map(Number);
}

async function lookAt(pid: number): Promise<Found | undefined> {
  const text = await read(pid, 'cmdline');
  return text === '' ? undefined : { pid, arguments: text.split('\0') };
}

/** Empty for a process that has ended meanwhile. */
async function read(pid: number, name: string): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '');
}

async function target(pid: number): Promise<string> {
  return readlink(`/proc/${pid}/cwd`).catch(() => '');
}
