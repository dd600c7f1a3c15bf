import { access, constants, mkdir, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import { makeFolder } from '../../common/make-folder.ts';
import { CodedError } from '../../protocol/errors.ts';
import { removeTree } from './remove-tree.ts';

/** Where one task runs and what is kept for it. */
export interface Place {
  /** The working directory of all its commands. */
  readonly workspace: string;
  /** What setup writes for the agent. */
  readonly environmentFile: string;
  /** The git configuration that is the task's own, in place of the user's. */
  readonly gitConfig: string;
  /** The file that one of the task's commands writes its output to. */
  outputOf(stream: string): string;
  /** Removes what was made for the task: never a shared folder, and no workspace that is to be kept. */
  remove(): Promise<void>;
}

export interface PlaceSettings {
  workspaceRoot: string;
  /** Shared by all tasks, instead of a workspace for each. */
  targetDir: string | undefined;
  /** The daemon's own folder. */
  stateFolder: string;
  cleanup: boolean;
}

/** Refuses, before any task comes, a folder that no task could run in. */
export async function checkPlaces({
  workspaceRoot,
  targetDir,
}: Pick<PlaceSettings, 'workspaceRoot' | 'targetDir'>): Promise<void> {
  if (targetDir !== undefined) return checkTargetDir(targetDir);
  try {
    await makeFolder(workspaceRoot);
    await access(workspaceRoot, constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = (error as Error).message;
    throw new CodedError('invalid_request', `The workspace root ${workspaceRoot} cannot be written to: ${why}.`);
  }
}

/** All or nothing: when one of its folders cannot be made, the other is removed again. */
export async function makePlace(taskId: string, settings: PlaceSettings, clock: Clock): Promise<Place> {
  requirePlainName(taskId);
  const { targetDir, cleanup } = settings;
  const state = join(settings.stateFolder, taskId);
  const workspace = targetDir ?? join(settings.workspaceRoot, taskId);
  const own = targetDir === undefined ? [workspace] : [];
  // At the same time, because a task that waits for its agent waits for this.
  const made = await Promise.allSettled([makeState(state), ...own.map((folder) => makeWorkspace(folder, clock))]);
  const failure = made.find((one) => one.status === 'rejected');
  if (failure !== undefined) {
    const folders = [state, ...own].filter((_, index) => made[index]?.status === 'fulfilled');
    await Promise.all(folders.map(removeTree));
    throw failure.reason;
  }
  return {
    workspace,
    environmentFile: join(state, 'environment'),
    gitConfig: join(targetDir === undefined ? workspace : state, '.gitconfig'),
    outputOf: (stream) => join(state, `${stream}.log`),
    async remove() {
      await Promise.all([state, ...(cleanup ? own : [])].map(removeTree));
    },
  };
}

async function checkTargetDir(targetDir: string): Promise<void> {
  // Whatever keeps it from being looked at, it is no folder that a task could run in.
  const found = await stat(targetDir).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new CodedError(
    'invalid_request',
    `The target folder ${targetDir} ${found ? 'is no folder' : 'does not exist'}.`,
  );
}

/** An id is checked where it enters; that it never becomes a path of more than one step is held here as well. */
function requirePlainName(taskId: string): void {
  if (/^[A-Za-z0-9-]+$/.test(taskId) && basename(taskId) === taskId) return;
  throw new CodedError('invalid_request', `The task id ${JSON.stringify(taskId)} is not a plain name.`);
}

/** The daemon's own folder may be gone after a long idle time: temporary folders are tidied up by others. */
async function makeState(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Tasks that come at the same time find it missing together: it may exist by then.
    await makeFolder(dirname(folder), 0o700);
    await mkdir(folder, { mode: 0o700 });
  }
}

/** Always a new folder: what an earlier task of the same id left is moved aside. */
async function makeWorkspace(workspace: string, clock: Clock): Promise<void> {
  for (;;) {
    try {
      return await mkdir(workspace, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      await rename(workspace, `${workspace}.kept-${timestamp(clock.now())}`);
    }
  }
}

/** `20260131T235959123Z`: plain in a file name, in the order of time. */
function timestamp(at: number): string {
  return new Date(at).toISOString().replaceAll(/[-:.]/g, '');
}
