import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { PostgresBinaries } from './binaries.ts';
import { superuser, type Layout } from './layout.ts';
import { asOsUser, chooseOsUser, type OsUser } from './os-user.ts';
import { isRunning } from './processes.ts';

const run = promisify(execFile);

/**
 * Makes the database if there is none. It is made under another name and renamed when complete, so that a first boot
 * that is killed leaves nothing half made; of two first boots at once, one wins and the other uses the winner's.
 */
export async function makeDatabaseOnce(layout: Layout, binaries: PostgresBinaries): Promise<void> {
  if (await exists(layout.home)) return;
  await removeUnfinished(layout);
  const unfinished = `${layout.home}.unfinished-${process.pid}`;
  const user = await chooseOsUser({ parent: layout.dataDir, program: binaries.postgres });
  try {
    await fillDatabase(unfinished, user, binaries);
    await rename(unfinished, layout.home);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!(await exists(layout.home))) throw error;
  }
}

async function fillDatabase(home: string, user: OsUser, binaries: PostgresBinaries): Promise<void> {
  const passwordFile = join(home, 'password');
  await mkdir(home, { mode: 0o700 });
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (user.kind === 'user') {
    await chown(passwordFile, user.uid, user.gid);
    await chown(home, user.uid, user.gid);
  }
  const { file, args, credentials } = asOsUser(user, binaries.initdb, [
    `--pgdata=${join(home, 'data')}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
  ]);
  await run(file, args, { ...credentials, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' } });
}

/** What boots left behind that were killed. One that another process is filling right now is left alone. */
async function removeUnfinished(layout: Layout): Promise<void> {
  const prefix = `${basename(layout.home)}.unfinished-`;
  for (const name of await readdir(dirname(layout.home))) {
    if (!name.startsWith(prefix) || isFilledByOther(Number(name.slice(prefix.length)))) continue;
    await rm(join(dirname(layout.home), name), { recursive: true, force: true });
  }
}

function isFilledByOther(pid: number): boolean {
  return pid !== process.pid && isRunning(pid);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
