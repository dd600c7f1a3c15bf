import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { WorkerConfig } from '../config/config.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

/** Free bytes under which a worker is in danger of a full disk. */
const littleSpace = 1024 ** 3;

/** Looks, and makes nothing: a folder that is not there yet is as good as the one that it will be made in. */
export async function checkFolders({ stateDir, direct }: WorkerConfig): Promise<Finding[]> {
  const { targetDir, workspaceRoot } = direct;
  const workspace =
    targetDir === undefined
      ? checkFolder('workspace root', workspaceRoot, 'backend.direct.workspace_root')
      : checkFolder('target folder', targetDir, '--target-dir', { mustExist: true });
  return Promise.all([workspace, checkFolder('state folder', stateDir, 'state_dir')]);
}

async function checkFolder(what: string, path: string, setting: string, { mustExist = false } = {}): Promise<Finding> {
  const file = await fileInTheWay(path);
  if (file !== undefined) return fail(what, `${file} is not a folder`, `Remove it, or change ${setting}.`);
  const existing = await nearestFolder(path);
  if (mustExist && existing !== path) return fail(what, `${path} does not exist`, `Make it, or change ${setting}.`);
  try {
    await access(existing, constants.W_OK | constants.X_OK);
  } catch {
    return fail(what, `${existing} cannot be written to`, `Make it writable for this user, or change ${setting}.`);
  }
  const { bavail, bsize } = await statfs(existing);
  const free = bavail * bsize;
  const detail = `${path}${existing === path ? '' : ' (will be made)'}, ${inWords(free)} free`;
  if (free >= littleSpace) return ok(what, detail);
  return warn(what, detail, 'Free some space: tasks fail, and new ones are refused, when it is used up.');
}

export async function nearestFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() || path === dirname(path) ? path : nearestFolder(dirname(path));
}

/** What stands where a folder must be, at its path or above it. */
async function fileInTheWay(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined) return found.isDirectory() ? undefined : path;
  return path === dirname(path) ? undefined : fileInTheWay(dirname(path));
}

function inWords(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes < 1024 ? `${Math.floor(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
