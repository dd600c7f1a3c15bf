import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { parseProcStat } from './proc-stat.ts';

/** Number and start time together name one process for ever; the number alone may be given to another. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since the machine's start. */
  readonly startTime: string;
}

export interface ProcessEntry extends ProcessIdentity {
  readonly parent: number;
  readonly group: number;
  /** What it was started with; empty for another user's process. */
  readonly environment: Buffer;
}

/** All living processes of this machine. Where there is no `/proc` (macOS) the table is empty. */
export interface ProcessTable {
  /** As of some moment after the call; callers that wait at the same time share one reading. */
  snapshot(): Promise<ProcessEntry[]>;
}

/** Processes read at once: enough to keep the thread pool busy, few enough to leave it to others. */
const readers = 4;

export function createProcessTable(): ProcessTable {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<ProcessEntry[]> | undefined;
  return {
    snapshot() {
      if (next !== undefined) return next;
      const reading = last.then(() => {
        next = undefined;
        return readAll();
      });
      next = reading;
      // A failed reading is its callers' to report; the next one starts all the same.
      last = reading.catch(() => undefined);
      return reading;
    },
  };
}

/** Whether it still is the process that it was. */
export function isSameProcess({ pid, startTime }: ProcessIdentity): boolean {
  try {
    const stat = parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return stat?.startTime === startTime && !stat.hasEnded;
  } catch {
    // No such process any more.
    return false;
  }
}

async function readAll(): Promise<ProcessEntry[]> {
  const pids = (await listProc()).filter((name) => /^\d+$/.test(name));
  const entries: ProcessEntry[] = [];
  const reader = async () => {
    for (let pid = pids.pop(); pid !== undefined; pid = pids.pop()) {
      const entry = await readEntry(Number(pid));
      if (entry !== undefined) entries.push(entry);
    }
  };
  await Promise.all(Array.from({ length: readers }, reader));
  return entries;
}

async function listProc(): Promise<string[]> {
  try {
    return await readdir('/proc');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function readEntry(pid: number): Promise<ProcessEntry | undefined> {
  const stat = await readOrEmpty(`/proc/${pid}/stat`);
  const parsed = parseProcStat(stat.toString('latin1'));
  if (parsed === undefined || parsed.hasEnded) return undefined;
  return { ...parsed, environment: await readOrEmpty(`/proc/${pid}/environ`) };
}

/** Processes end while they are read, and other users' may not be read: both count as having nothing to say. */
async function readOrEmpty(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch {
    return Buffer.alloc(0);
  }
}
