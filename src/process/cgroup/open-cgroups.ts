import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Clock } from '../../common/clock.ts';
import { isThere } from '../../common/is-there.ts';
import type { Containment, ContainmentLimits } from '../containment.ts';
import { cgroupContainment, type CgroupContainment, type CgroupState } from './cgroup-containment.ts';
import { findParents } from './find-parents.ts';
import { removeGroups } from './group-files.ts';
import { writeLimits } from './limit-files.ts';
import { parseOwnGroup, type GroupFolders } from './own-group.ts';

export interface Cgroups {
  /** Where the groups are made. */
  readonly parents: GroupFolders;
  readonly make: (name: string, limits: ContainmentLimits) => Promise<Containment>;
}

/** Rejects, in words, where this process may not make groups, or where they cannot keep the limits. */
export async function openCgroups(limits: ContainmentLimits, clock: Clock): Promise<Cgroups> {
  const own = parseOwnGroup(await readProc('mountinfo'), await readProc('cgroup'));
  const parents = await findParents(own, limits);
  const make = (name: string, limits: ContainmentLimits) => {
    return makeCgroup({ kind: 'cgroup', folders: foldersFor(name, parents, limits), limits }, clock);
  };
  await removeLeftProbes(Object.values(parents), clock);
  await tryOut(await make(`${probe}${randomUUID()}`, limits));
  return { parents, make };
}

async function makeCgroup(state: CgroupState, clock: Clock): Promise<CgroupContainment> {
  await Promise.all(Object.values(state.folders).map((folder) => mkdir(folder, { recursive: true })));
  await writeLimits(state.folders, state.limits);
  return cgroupContainment(state, clock);
}

/** Undefined when it is gone, as after a restart of the machine. */
export async function reopenCgroup(state: CgroupState, clock: Clock): Promise<Containment | undefined> {
  for (const folder of Object.values(state.folders)) {
    if (!(await isThere(folder))) return undefined;
  }
  // They are lost where the controllers were turned off meanwhile.
  await writeLimits(state.folders, state.limits);
  return cgroupContainment(state, clock);
}

/** Each move from one group to another costs time: none is made into a hierarchy that is of no use. */
function foldersFor(name: string, parents: GroupFolders, { memory, processes }: ContainmentLimits): GroupFolders {
  const { unified, freezer } = parents;
  const needed = {
    ...(unified === undefined ? { freezer } : { unified }),
    ...(memory === undefined ? {} : { memory: parents.memory }),
    ...(processes === undefined ? {} : { pids: parents.pids }),
  };
  const there = Object.entries(needed).flatMap(([hierarchy, parent]) =>
    parent ? [[hierarchy, join(parent, name)]] : [],
  );
  return Object.fromEntries(there) as GroupFolders;
}

/** What a daemon that was killed at its start has left. What is younger may be in use just now. */
async function removeLeftProbes(parents: readonly string[], clock: Clock): Promise<void> {
  for (const parent of parents) {
    for (const name of await readdir(parent)) {
      if (!name.startsWith(probe)) continue;
      const folder = join(parent, name);
      // It may just have gone.
      const madeAt = (await stat(folder).catch(() => undefined))?.mtimeMs ?? Infinity;
      if (madeAt < clock.now() - probeAge) await removeGroups(folder);
    }
  }
}

/** Of the names of groups in which it is tried out what the host gives. */
const probe = 'probe-';
/** In milliseconds. */
const probeAge = 60_000;

/**
 * Moves a process in, as each command will move itself, and kills it there. Before Linux 5.2 nobody in such a group can be
 * stopped.
 */
async function tryOut(containment: CgroupContainment): Promise<void> {
  const shell = spawn('/bin/sh', ['-c', enterAndWait, 'sh', ...(await containment.enter()).groups]);
  const ended = once(shell, 'close');
  const words = text(shell.stderr);
  try {
    const { unified } = containment.state.folders;
    if (unified !== undefined) await access(join(unified, 'cgroup.freeze'));
    await Promise.race([once(shell.stdout, 'data'), ended]);
    if (shell.exitCode !== null) throw new Error((await words).trim());
    await containment.kill();
    if ((await containment.survivors()).length > 0) throw new Error('what is in a group cannot be ended');
  } finally {
    shell.kill('SIGKILL');
    await ended;
    await containment.remove();
  }
}

/** The end of its input ends it as well, with this program. */
const enterAndWait = 'for group; do echo 0 >"$group" || exit; done; echo; read -r _';

async function readProc(name: string): Promise<string> {
  return readFile(`/proc/self/${name}`, 'utf8');
}
