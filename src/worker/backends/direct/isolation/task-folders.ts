import { chmod, lchown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { IsolatedPlace, TaskUser } from './isolation.ts';

/**
 * The folders of a task in its state folder: each of them but the last the task's user's, the folder around them the
 * daemon's, so that none can be exchanged.
 */
export interface TaskFolders {
  own: string;
  tmp: string;
  home: string;
  /** Holds the socket of the task's way out, where its network is off: made with the daemon's rights, so only here. */
  egress: string;
}

export function taskFolders({ state }: IsolatedPlace): TaskFolders {
  const path = (name: string) => join(state, name);
  return { own: path('own'), tmp: path('tmp'), home: path('home'), egress: path('egress') };
}

/** Makes what is not there yet, and gives all of it and the workspace to the user. */
export async function makeTaskFolders(place: IsolatedPlace, user: TaskUser | null): Promise<void> {
  const { egress, ...own } = taskFolders(place);
  const folders: string[] = Object.values(own);
  await Promise.all([...folders, egress].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
  if (user === null) return;
  const given = place.isShared ? folders : [...folders, place.workspace];
  await Promise.all(given.map((folder) => lchown(folder, user.uid, user.gid)));
  await Promise.all([place.state, egress].map(openToPass));
}

/** Its entries can be reached by whoever knows their name, and is allowed to. */
export async function openToPass(folder: string): Promise<void> {
  await chmod(folder, 0o711);
}
