import { spawn, type ChildProcess } from 'node:child_process';
import { open, rename, stat } from 'node:fs/promises';
import type { PostgresBinaries } from './binaries.ts';
import { prepareSocketFolder, type Layout } from './layout.ts';
import { takeOverLocks } from './lock-files.ts';
import { asOsUser, ownerOf } from './os-user.ts';

/** A log that has grown beyond this is put aside, once, when Postgres starts. In bytes. */
const logLimit = 10 * 1024 * 1024;

export interface PostmasterOptions {
  /** Whether a commit survives a power cut; only tests do without. */
  durable: boolean;
}

/**
 * Starts Postgres in a session of its own: a Ctrl-C at the terminal must reach the server first, which still needs its
 * database to stop in order.
 */
export async function startPostmaster(
  layout: Layout,
  binaries: PostgresBinaries,
  { durable }: PostmasterOptions,
): Promise<ChildProcess> {
  const [user, owner] = await Promise.all([ownerOf(layout.home), stat(layout.home)]);
  await prepareSocketFolder(layout, owner);
  await takeOverLocks(layout);
  const { file, args, credentials } = asOsUser(user, binaries.postgres, [
    '-D',
    layout.cluster,
    '-c',
    'listen_addresses=',
    '-c',
    `unix_socket_directories=${layout.socketFolder}`,
    '-c',
    'unix_socket_permissions=0700',
    '-c',
    `fsync=${durable ? 'on' : 'off'}`,
    '-c',
    `synchronous_commit=${durable ? 'on' : 'off'}`,
  ]);
  const log = await openLog(layout.logFile);
  try {
    const child = spawn(file, args, {
      ...credentials,
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
    child.unref();
    return await started(child);
  } finally {
    await log.close();
  }
}

function started(child: ChildProcess): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child));
    child.once('error', reject);
  });
}

async function openLog(path: string) {
  const size = await stat(path).then(
    (file) => file.size,
    () => 0,
  );
  if (size > logLimit) await rename(path, `${path}.1`);
  return await open(path, 'a', 0o600);
}
