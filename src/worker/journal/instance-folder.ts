import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../common/make-folder.ts';
import { CodedError } from '../../protocol/errors.ts';
import { tryLock, type FolderLock } from './folder-lock.ts';
import { requireOwn } from './require-own.ts';

/**
 * One daemon's part of the state folder, `<state_dir>/<worker id>/<instance id>/`:
 *
 * ```
 * lock         held by the daemon as long as it lives
 * contact      its time is that of the server's last word
 * tasks/       a folder a task, named by its id
 * set-aside/   entries that nobody could read
 * ```
 */
export interface InstanceFolder {
  readonly id: string;
  readonly path: string;
  /** Gives it up; when nothing is left in it, it is removed. */
  close(): Promise<void>;
}

export const tasksFolder = 'tasks';
export const setAsideFolder = 'set-aside';

/**
 * Takes every instance folder of this worker id whose owner is dead, and leaves a living daemon's alone. The first one
 * taken becomes this daemon's own; where there is none, a new one is made.
 */
export async function takeInstanceFolders(
  workerFolder: string,
  triesLeft = 10,
): Promise<[InstanceFolder, ...InstanceFolder[]]> {
  try {
    await makeFolder(workerFolder, 0o700);
    await requireOwn(workerFolder);
    const [own, ...more] = await takeAbandoned(workerFolder);
    return [own ?? (await makeInstanceFolder(workerFolder)), ...more];
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    // Another daemon has ended just now, and has taken its folders away.
    if (code === 'ENOENT' && triesLeft > 0) return takeInstanceFolders(workerFolder, triesLeft - 1);
    if (syscall === undefined) throw error;
    const what = `The state folder ${workerFolder} cannot be used: ${(error as Error).message}.`;
    throw passes.includes(code ?? '') ? new Error(what) : new CodedError('invalid_request', what);
  }
}

/** What may be over when the service manager tries again, unlike what is set wrongly. */
const passes = ['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EIO', 'EBUSY', 'ESTALE', 'ETIMEDOUT'];

async function takeAbandoned(workerFolder: string): Promise<InstanceFolder[]> {
  const taken: InstanceFolder[] = [];
  for (const name of (await readdir(workerFolder)).sort()) {
    if (!isInstanceId(name)) continue;
    const path = join(workerFolder, name);
    const lock = await tryLock(join(path, 'lock'));
    if (lock === undefined) continue;
    await requireOwn(path);
    taken.push(await prepare(path, name, lock));
  }
  return taken;
}

async function makeInstanceFolder(workerFolder: string): Promise<InstanceFolder> {
  for (;;) {
    const id = randomUUID();
    const path = join(workerFolder, id);
    await makeFolder(path, 0o700);
    const lock = await tryLock(join(path, 'lock'));
    // Undefined: another daemon that starts at this moment took it for an abandoned one.
    if (lock !== undefined) return prepare(path, id, lock);
  }
}

async function prepare(path: string, id: string, lock: FolderLock): Promise<InstanceFolder> {
  await mkdir(join(path, tasksFolder), { recursive: true, mode: 0o700 });
  return {
    id,
    path,
    async close() {
      if (await isEmpty(path)) {
        await rm(path, { recursive: true, force: true });
        // Another daemon's folder beside it keeps the parent.
        await rmdir(dirname(path)).catch(() => undefined);
      }
      await lock.close();
    },
  };
}

async function isEmpty(path: string): Promise<boolean> {
  const listed = await Promise.all([tasksFolder, setAsideFolder].map((name) => listFolder(join(path, name))));
  return listed.flat().length === 0;
}

/** Empty for a folder that does not exist. */
export async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function isInstanceId(name: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
}
