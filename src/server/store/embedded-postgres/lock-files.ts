import { open, readFile, stat } from 'node:fs/promises';
import type { Layout } from './layout.ts';
import { isRunning } from './processes.ts';

/**
 * Postgres writes its process id into two lock files, and a crash leaves them behind. After the machine's next start, or
 * in the next container, that number is somebody else's, who must be neither waited for nor ended.
 */

/** The process id of the Postgres that runs in this folder; undefined when none does. */
export async function findPostmaster(layout: Layout): Promise<number | undefined> {
  const pid = await readPid(layout.pidFile);
  return pid !== undefined && isRunning(pid) && (await worksIn(pid, layout.cluster)) ? pid : undefined;
}

/**
 * Where a lock file that a crash left names a stranger, its number becomes this process's: Postgres refuses to start
 * beside a process that lives, but not beside its own parent. The file stays, for it also tells Postgres where to look
 * for helpers that outlived the crash. No Postgres may run in the folder.
 */
export async function takeOverLocks(layout: Layout): Promise<void> {
  for (const path of [layout.pidFile, layout.socketLockFile]) {
    const pid = await readPid(path);
    if (pid !== undefined && pid !== process.pid && isRunning(pid)) await replacePid(path);
  }
}

async function readPid(path: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(path, 'utf8'), 10);
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written in place, so that the file keeps its owner. */
async function replacePid(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const text = await file.readFile('utf8');
    await file.truncate();
    await file.write(text.replace(/^\d+/, String(process.pid)), 0);
  } finally {
    await file.close();
  }
}

/** Postgres works in its data folder, nobody else does. Where there is no `/proc` (macOS) the number alone must do. */
async function worksIn(pid: number, folder: string): Promise<boolean> {
  try {
    const [its, ours] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(folder)]);
    return its.dev === ours.dev && its.ino === ours.ino;
  } catch {
    // It has just ended, or belongs to a user whose processes we may not look at, as ours never does.
    return process.platform !== 'linux';
  }
}
