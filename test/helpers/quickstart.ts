import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/build-stamp.ts';
import { endPostmasterOf } from './postmaster.ts';
import { startNode, type RunningProgram } from './programs.ts';

/** What `npm start -- --port 0 --data-dir …` becomes once everything is installed and built. */
export function startQuickstart(dataDir: string, port = 0): RunningProgram {
  const args = ['--port', String(port), '--data-dir', dataDir];
  // What a killed program leaves behind goes with the folder.
  const env = { TMPDIR: dataDir };
  return startNode(join(root, 'dist/quickstart/main.js'), { args, cwd: root, env });
}

/** What it prints last, once everything runs. */
export const upAndRunning = /Ctrl-C stops .*\n/;

export interface DataFolder extends AsyncDisposable {
  readonly path: string;
}

export async function makeDataFolder(): Promise<DataFolder> {
  const path = await mkdtemp(join(tmpdir(), 'quickstart-'));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await endPostmasterOf(path);
      await rm(path, { recursive: true, force: true });
    },
  };
}

export interface FoundProcess {
  pid: number;
  command: string;
}

/**
 * The processes that have to do with this folder: it is in their arguments, they work in it, or have a file of it open.
 * One sign is not enough: a program may hide its arguments, and Postgres' helpers have none.
 */
export async function processesIn(folder: string): Promise<FoundProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.filter((pid) => pid !== process.pid).map((pid) => lookAt(pid, folder)));
  return found.filter((process) => process !== undefined);
}

async function lookAt(pid: number, folder: string): Promise<FoundProcess | undefined> {
  try {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    const files = (await readdir(`/proc/${pid}/fd`)).map((name) => `/proc/${pid}/fd/${name}`);
    const used = await Promise.all([`/proc/${pid}/cwd`, ...files].map(targetOf));
    return [command, ...used].some((text) => text.includes(folder)) ? { pid, command } : undefined;
  } catch {
    // It has ended meanwhile, or is being reaped: then it is not there.
    return undefined;
  }
}

async function targetOf(link: string): Promise<string> {
  try {
    return await readlink(link);
  } catch {
    // Closed meanwhile.
    return '';
  }
}
