import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isKeptName } from './kept-workspaces.ts';

/** Undefined for what is not there. */
export async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino;
}

/**
 * Where the folder is by now that was made at `path`: a daemon beside this one, which executes the same run anew, moves it
 * aside and puts one of its own in its place. Undefined when it is gone.
 */
export async function findWorkspace(path: string, inode: number): Promise<string | undefined> {
  if ((await inodeOf(path)) === inode) return path;
  const root = dirname(path);
  for (const name of await readdir(root).catch(() => [])) {
    const kept = join(root, name);
    if (name.startsWith(basename(path)) && isKeptName(name) && (await inodeOf(kept)) === inode) return kept;
  }
  return undefined;
}
