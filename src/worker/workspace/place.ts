import { mkdirSync } from 'node:fs';
import { access, constants, mkdir, rename, rmdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import { makeFolder } from '../../common/make-folder.ts';
import { CodedError } from '../../protocol/errors.ts';
import { keptName } from './kept-workspaces.ts';

/** Where one task runs and what is kept for it. */
export interface Place {
  /** The working directory of all its commands. */
  readonly workspace: string;
  /** Whether the workspace is the operator's, for all tasks: it is never removed. */
  readonly isShared: boolean;
  /** The task's folder in the daemon's state folder. */
  readonly state: string;
  /** Of it, what the task itself reads and writes; the rest is the daemon's. */
  readonly own: string;
  /** What setup writes for the agent. */
  readonly environmentFile: string;
  /** The git configuration that is the task's own, in place of the user's. */
  readonly gitConfig: string;
}

export interface PlaceSettings {
  workspaceRoot: string;
  /** Shared by all tasks, instead of a workspace for each. */
  targetDir: string | undefined;
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

/** Where a task is to be. Nothing is made yet. */
export function planPlace(taskId: string, state: string, { targetDir, workspaceRoot }: PlaceSettings): Place {
  requirePlainName(taskId);
  return placeAt(targetDir ?? join(workspaceRoot, taskId), targetDir !== undefined, state);
}

/** The place of a task whose workspace is known, whatever the configuration says by now. */
export function placeAt(workspace: string, isShared: boolean, state: string): Place {
  const own = join(state, 'own');
  return {
    workspace,
    isShared,
    state,
    own,
    environmentFile: join(own, 'environment'),
    gitConfig: join(isShared ? own : workspace, '.gitconfig'),
  };
}

/** `isRepeated`: an earlier daemon may have begun with it, and then an empty folder in its place is its own. */
export async function makePlace(place: Place, clock: Clock, isRepeated: boolean): Promise<void> {
  mkdirSync(place.own, { recursive: true, mode: 0o700 });
  if (place.isShared) return;
  // What somebody has put a file into is not empty, and is moved aside.
  if (isRepeated) await rmdir(place.workspace).catch(() => undefined);
  await makeWorkspace(place.workspace, clock);
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

/** Always a new folder: what an earlier task of the same id left is moved aside. */
async function makeWorkspace(workspace: string, clock: Clock): Promise<void> {
  for (;;) {
    try {
      return await mkdir(workspace, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      await rename(workspace, keptName(workspace, clock.now()));
    }
  }
}
