import type { ContainmentLimits } from '../containment.ts';
import { readCounter, tryToWriteGroupFile, writeGroupFile } from './group-files.ts';
import type { GroupFolders } from './own-group.ts';

/** Says a group's limits to the kernel; saying them again changes nothing. */
export async function writeLimits(folders: GroupFolders, { memory, processes }: ContainmentLimits): Promise<void> {
  if (processes !== undefined) await writeGroupFile(folderFor('pids', folders), 'pids.max', processes);
  if (memory === undefined) return;
  if (folders.memory === undefined) await limitMemory(folderFor('memory', folders), memory);
  else await limitMemoryV1(folders.memory, memory);
}

async function limitMemory(folder: string, bytes: number): Promise<void> {
  await writeGroupFile(folder, 'memory.max', bytes);
  // Without swap a limit is one; the whole group goes at once, not the one process that happens to be the largest.
  await tryToWriteGroupFile(folder, 'memory.swap.max', 0);
  await tryToWriteGroupFile(folder, 'memory.oom.group', 1);
}

async function limitMemoryV1(folder: string, bytes: number): Promise<void> {
  await writeGroupFile(folder, 'memory.limit_in_bytes', bytes);
  await tryToWriteGroupFile(folder, 'memory.memsw.limit_in_bytes', bytes);
}

/** Version 1 counts the kills in another file. */
export async function exceededLimit(folders: GroupFolders): Promise<'memory' | 'processes' | undefined> {
  const killFile = folders.memory === undefined ? 'memory.events' : 'memory.oom_control';
  if ((await readCounter(folderFor('memory', folders), killFile, 'oom_kill')) > 0) return 'memory';
  return (await readCounter(folderFor('pids', folders), 'pids.events', 'max')) > 0 ? 'processes' : undefined;
}

/** A hierarchy of version 1 that has the controller has it alone. */
function folderFor(controller: 'memory' | 'pids', folders: GroupFolders): string {
  return folders[controller] ?? folders.unified ?? '/';
}
