import { join } from 'node:path';
import { sleep, type Clock } from '../../common/clock.ts';
import type { Containment, ContainmentState } from '../containment.ts';
import { sendSignal } from '../send-signal.ts';
import { processesIn, readGroupFile, removeGroups, tryToWriteGroupFile, writeGroupFile } from './group-files.ts';
import { exceededLimit } from './limit-files.ts';
import type { GroupFolders } from './own-group.ts';

export type CgroupState = Extract<ContainmentState, { kind: 'cgroup' }>;

export interface CgroupContainment extends Containment {
  readonly state: CgroupState;
}

/** How often to look whether the killed have gone, and for how long, in milliseconds. */
const pollPeriod = 5;
const patience = 10_000;

/** A group in each hierarchy that is of use: one to kill by, those of the limits. */
export function cgroupContainment(state: CgroupState, clock: Clock): CgroupContainment {
  const { folders } = state;
  const all = Object.values(folders);
  const kill = () => killAll(folders, clock);
  return {
    kind: 'cgroup',
    state,
    enter: () => Promise.resolve({ groups: Object.entries(folders).map(entranceOf) }),
    kill,
    survivors: () => processesIn(killFolder(folders)),
    exceeded: () => exceededLimit(folders),
    async remove() {
      await kill();
      await Promise.all(all.map((folder) => removeSoon(folder, clock)));
    },
  };
}

/**
 * A move to another group of version 2 makes every fork of the machine wait, and takes some ten milliseconds. In version
 * 1, where a thread may move alone, one that moves itself waits for nobody; a shell is just one thread.
 */
function entranceOf([hierarchy, folder]: [string, string]): string {
  return join(folder, hierarchy === 'unified' ? 'cgroup.procs' : 'tasks');
}

/** Every member is in this group, whichever others there are for limits. */
function killFolder(folders: GroupFolders): string {
  const folder = folders.unified ?? folders.freezer;
  if (folder === undefined) throw new Error('A containment has no group to kill by.');
  return folder;
}

async function killAll(folders: GroupFolders, clock: Clock): Promise<void> {
  const folder = killFolder(folders);
  const deadline = clock.now() + patience;
  while ((await processesIn(folder)).length > 0 && clock.now() < deadline) {
    if (folders.unified === undefined) await killFrozen(folder, clock);
    else if (!(await tryToWriteGroupFile(folder, 'cgroup.kill', 1))) await killOneByOne(folder);
    await sleep(clock, pollPeriod);
  }
}

/** Version 2 before Linux 5.14. The frozen cannot fork, and die all the same. */
async function killOneByOne(folder: string): Promise<void> {
  await tryToWriteGroupFile(folder, 'cgroup.freeze', 1);
  for (const pid of await processesIn(folder)) sendSignal(pid, 'SIGKILL');
  await tryToWriteGroupFile(folder, 'cgroup.freeze', 0);
}

/** Version 1: the frozen cannot fork, and die as soon as they thaw. */
async function killFrozen(folder: string, clock: Clock): Promise<void> {
  await writeGroupFile(folder, 'freezer.state', 'FROZEN');
  // Somebody who waits for a disk delays it; then those who are not yet frozen are killed as well as can be.
  for (let looks = 0; looks < 20 && (await readGroupFile(folder, 'freezer.state')).trim() !== 'FROZEN'; looks += 1) {
    await sleep(clock, pollPeriod);
  }
  for (const pid of await processesIn(folder)) sendSignal(pid, 'SIGKILL');
  await writeGroupFile(folder, 'freezer.state', 'THAWED');
}

async function removeSoon(folder: string, clock: Clock): Promise<void> {
  const deadline = clock.now() + patience;
  while (!(await removeGroups(folder))) {
    if (clock.now() > deadline) throw new Error(`the cgroup ${folder} is still in use`);
    await sleep(clock, pollPeriod);
  }
}
