import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { exitOf, type Exit } from './exit.ts';
import { parseProcStat } from './proc-stat.ts';
import { isSameProcess, type ProcessIdentity } from './process-table.ts';

/** Who runs a recorded command, and who waits for it to write its exit code down. */
export interface Beginning {
  readonly shim: ProcessIdentity;
  readonly command: ProcessIdentity;
  /** The life of the machine that the two belong to. */
  readonly bootId: string;
}

/**
 * The files of a record. Whoever creates the first one decides over the command: its shim, which then runs it, or a later
 * daemon, which thereby keeps a late shim from running it.
 */
export function beginningFile(record: string): string {
  return join(record, 'beginning');
}

export function exitFile(record: string): string {
  return join(record, 'exit');
}

/** The end of a command may find the disk full, so that room for its code is taken before it starts. */
export function reserveExit(record: string): void {
  writeFileSync(exitFile(record), `${' '.repeat(exitSize - 1)}\n`, { flag: 'wx', mode: 0o600 });
}

const exitSize = 16;

/** Undefined as long as none is known. */
export function readExit(record: string): Exit | undefined {
  const [code = ''] = readOrEmpty(exitFile(record)).split('\n');
  return /^\d+$/.test(code) ? exitOf(Number(code)) : undefined;
}

/** `closed` by a daemon that came later; `unwritten` while it is being written, or for ever if its writer was killed. */
export function readBeginning(record: string): Beginning | 'absent' | 'closed' | 'unwritten' {
  const text = readIfThere(beginningFile(record));
  if (text === undefined) return 'absent';
  const [first = '', second = '', bootId, ending] = text.split('\n');
  if (first === closed) return 'closed';
  const [shim, command] = [parseProcStat(first), parseProcStat(second)];
  // The last line end is written last: without it there may be more to come.
  if (!shim || !command || !bootId || ending === undefined) return 'unwritten';
  return { shim, command, bootId };
}

/** Of a command that nobody knows more of than that it may have run: it counts as ended, and without a code. */
export const unseenBeginning: Beginning = {
  shim: { pid: 0, startTime: '' },
  command: { pid: 0, startTime: '' },
  bootId: 'unknown',
};

/** Whether the machine was started again since somebody began with it. */
export function isBeforeBoot(record: string): boolean {
  const begunAt = statSync(beginningFile(record), { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
  return begunAt < Date.now() - uptime() * 1_000;
}

/** Keeps a shim that has not begun from beginning. False when it, or somebody else, was faster. */
export async function closeRecord(record: string): Promise<boolean> {
  try {
    const file = await open(beginningFile(record), 'wx', 0o600);
    // Its creation is what counts, on a full disk as well.
    await file.writeFile(`${closed}\n`).catch(() => undefined);
    await file.close();
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // Where there is no folder, nothing can begin in it.
    if (code === 'ENOENT') return true;
    throw error;
  }
}

const closed = 'closed';

/** Names the machine's life from one start to the next: in another one, process numbers mean other processes. */
export function currentBootId(): string {
  return readOrEmpty('/proc/sys/kernel/random/boot_id').trim();
}

export function isAlive(process: ProcessIdentity, bootId: string): boolean {
  return bootId === currentBootId() && isSameProcess(process);
}

function readOrEmpty(file: string): string {
  return readIfThere(file) ?? '';
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
