import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, type FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';

/** Held until it is closed, or until the process that holds it is gone, however it went. */
export type FolderLock = Pick<FileHandle, 'close'>;

/** Undefined when somebody else holds it, or when it was removed at this moment. */
export async function tryLock(path: string): Promise<FolderLock | undefined> {
  const file = await openLockFile(path);
  if (file === undefined) return undefined;
  try {
    if ((await isLocked(file)) && (await isStillThere(file, path))) return file;
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return undefined;
}

/** On macOS, which has no flock(1), opening takes the lock as well. */
async function openLockFile(path: string): Promise<FileHandle | undefined> {
  const exclusive = process.platform === 'darwin' ? darwinExclusiveLock | constants.O_NONBLOCK : 0;
  try {
    return await open(path, constants.O_RDWR | constants.O_CREAT | exclusive, 0o600);
  } catch (error) {
    // ENOENT: its folder was removed just now.
    if (['EAGAIN', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

const darwinExclusiveLock = 0x20;
/** The daemon's own PATH may be made for its tasks alone. */
const systemPath = '/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin';

/** The lock belongs to the open file, which this process shares with flock(1) and keeps when that has ended. */
async function isLocked(file: FileHandle): Promise<boolean> {
  if (process.platform === 'darwin') return true;
  const child = spawn('flock', ['-n', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', file.fd],
    env: { PATH: systemPath },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}

/** Whoever held it before may have removed it while we waited for it: then it locks nothing any more. */
async function isStillThere(file: FileHandle, path: string): Promise<boolean> {
  const [held, found] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return found?.ino === held.ino && found.dev === held.dev;
}
