import { constants, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a file of a group says; empty where the group or the file is not there. */
export async function readGroupFile(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (error) {
    // ENODEV: the group went while it was being read.
    if (isOneOf(error, ['ENOENT', 'ENODEV'])) return '';
    throw error;
  }
}

/** For writing alone, because `cgroup.kill` can be read by nobody but root; and it makes no file. */
export async function writeGroupFile(folder: string, name: string, value: string | number): Promise<void> {
  await writeFile(join(folder, name), String(value), { flag: constants.O_WRONLY });
}

/** Writes where there is a file of that name: which there are depends on the kernel. False where there is none. */
export async function tryToWriteGroupFile(folder: string, name: string, value: string | number): Promise<boolean> {
  try {
    await writeGroupFile(folder, name, value);
    return true;
  } catch (error) {
    if (isOneOf(error, ['ENOENT', 'ENODEV'])) return false;
    throw error;
  }
}

/** The number behind a word, as in `oom_kill 2`; 0 where there is none. */
export async function readCounter(folder: string, name: string, word: string): Promise<number> {
  const found = new RegExp(`^${word} (\\d+)$`, 'm').exec(await readGroupFile(folder, name));
  return Number(found?.[1] ?? 0);
}

/** The processes of a group and of all groups below it. */
export async function processesIn(folder: string): Promise<number[]> {
  const groups = await groupsFrom(folder);
  const lists = await Promise.all(groups.map((group) => readGroupFile(group, 'cgroup.procs')));
  return lists.flatMap((list) => list.split('\n').filter(Boolean).map(Number));
}

/** Removes a group and all below it. False when one is still in use, be it by a process that is just ending. */
export async function removeGroups(folder: string): Promise<boolean> {
  try {
    for (const group of (await groupsFrom(folder)).toReversed()) await rmdir(group);
    return true;
  } catch (error) {
    if (isOneOf(error, ['ENOENT'])) return true;
    if (isOneOf(error, ['EBUSY', 'ENOTEMPTY'])) return false;
    throw error;
  }
}

/** The group itself first. */
async function groupsFrom(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (isOneOf(error, ['ENOENT', 'ENODEV'])) return [];
    throw error;
  });
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => groupsFrom(join(folder, name)));
  return [folder, ...(await Promise.all(below)).flat()];
}

function isOneOf(error: unknown, codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}
