import { execFile } from 'node:child_process';
import { chmod, lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findSystemProgram } from '../../process/find-program.ts';

/** Removes a folder with all it holds, folders without write permission too, as package caches make them. */
export async function removeTree(path: string): Promise<void> {
  if (process.getuid?.() === 0 && (await isAnothers(path))) return removeFirmly(path);
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 });
  try {
    await remove();
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    // A task may have put a link in its place: what that points to is nobody's to change.
    if (!(await lstat(path)).isDirectory()) throw error;
    await makeWritable(path);
    await remove();
  }
}

/** For what root removes of another user's: GNU's rm cannot be led out of it by a link that is put there meanwhile. */
export async function removeFirmly(path: string): Promise<void> {
  await promisify(execFile)(findSystemProgram('rm') ?? 'rm', ['-rf', '--one-file-system', '--', path]);
}

/** Whether another user may change something in it; of ours, those folders that we gave away lie right within. */
async function isAnothers(path: string): Promise<boolean> {
  try {
    const found = await lstat(path);
    if (found.uid !== 0 || !found.isDirectory()) return found.uid !== 0;
    const within = await Promise.all((await readdir(path)).map((name) => lstat(join(path, name))));
    return within.some(({ uid }) => uid !== 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function makeWritable(folder: string): Promise<void> {
  const { mode } = await stat(folder);
  // What can be written to keeps its mode: a folder of somebody else's may be mounted here.
  if ((mode & 0o700) !== 0o700) await chmod(folder, 0o700);
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
}
