import { access, constants, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ContainmentLimits } from '../containment.ts';
import { readGroupFile, writeGroupFile } from './group-files.ts';
import type { GroupFolders } from './own-group.ts';

/**
 * Where groups are made: beside or below this process's own. Rejects, in words, where they could not keep the limits.
 * Version 1 comes first where both are there: a shell can move itself in there without waiting for the whole kernel.
 */
export async function findParents(own: GroupFolders, limits: ContainmentLimits): Promise<GroupFolders> {
  const { unified, ...v1 } = own;
  const needed = (['memory', 'pids'] as const).filter(
    (name) => limits[name === 'pids' ? 'processes' : name] !== undefined && v1[name] === undefined,
  );
  if (v1.freezer !== undefined && needed.length === 0 && (await isWritable(v1.freezer))) return v1;
  if (unified === undefined) throw new Error(noHierarchy(needed));
  const parent = delegatedParent(unified);
  await enable(needed, parent, unified);
  return { ...v1, unified: parent };
}

function noHierarchy(needed: readonly string[]): string {
  if (needed.length === 0) return 'no cgroup hierarchy to hold processes in is mounted, or it may not be written to';
  return `no cgroup hierarchy with the controller ${needed.join(' or ')} is mounted`;
}

async function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/**
 * With `DelegateSubgroup=`, the service manager puts the daemon into a group below the unit's: then the unit's own is
 * where others can be made that may have controllers, because it holds no processes itself.
 */
export function delegatedParent(own: string): string {
  const isUnit = (folder: string) => /\.(service|scope)$/.test(basename(folder));
  return !isUnit(own) && isUnit(dirname(own)) ? dirname(own) : own;
}

async function enable(controllers: readonly string[], parent: string, own: string): Promise<void> {
  const enabled = await wordsIn(parent, 'cgroup.subtree_control');
  const missing = controllers.filter((name) => !enabled.includes(name));
  if (missing.length === 0) return;
  const available = await wordsIn(parent, 'cgroup.controllers');
  const absent = missing.filter((name) => !available.includes(name));
  if (absent.length > 0) throw new Error(`the cgroup ${parent} has no controller ${absent.join(' or ')}`);
  const request = missing.map((name) => `+${name}`).join(' ');
  try {
    await writeGroupFile(parent, 'cgroup.subtree_control', request);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || parent !== own) throw error;
    await leave(own);
    await writeGroupFile(parent, 'cgroup.subtree_control', request);
  }
}

/** A group that holds processes itself gives no controllers to those below it: this process moves one down. */
async function leave(own: string): Promise<void> {
  const leaf = join(own, 'daemon');
  await mkdir(leaf, { recursive: true });
  await writeGroupFile(leaf, 'cgroup.procs', process.pid);
}

async function wordsIn(folder: string, name: string): Promise<string[]> {
  return (await readGroupFile(folder, name)).trim().split(/\s+/);
}
