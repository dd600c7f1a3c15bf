import { chmod, lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes a folder with all it holds, folders without write permission too, as package caches make them. */
export async function removeTree(path: string): Promise<void> {
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

async function makeWritable(folder: string): Promise<void> {
  const { mode } = await stat(folder);
  // What can be written to keeps its mode: a folder of somebody else's may be mounted here.
  if ((mode & 0o700) !== 0o700) await chmod(folder, 0o700);
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
}
