import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CodedError } from '../../../protocol/errors.ts';

/**
 * Where things are in the server's data folder:
 *
 * ```
 * postgres/           made whole or not at all: filled under another name, then renamed
 *   data/             Postgres' own
 *   password          of the only role, 0600
 *   .s.PGSQL.5432     the socket, unless the folder's path is too long for one
 * postgres.log
 * ```
 */
export function layoutOf(dataDir: string): Layout {
  const home = join(dataDir, 'postgres');
  const socketFolder = socketFits(home) ? home : join(tmpdir(), `emerald-postgres-${shortHash(home)}`);
  return {
    dataDir,
    home,
    cluster: join(home, 'data'),
    pidFile: join(home, 'data', 'postmaster.pid'),
    passwordFile: join(home, 'password'),
    logFile: join(dataDir, 'postgres.log'),
    socketFolder,
    socketLockFile: join(socketFolder, `.s.PGSQL.${port}.lock`),
  };
}

export interface Layout {
  dataDir: string;
  home: string;
  cluster: string;
  pidFile: string;
  passwordFile: string;
  logFile: string;
  socketFolder: string;
  socketLockFile: string;
}

/** What `pg` needs to reach the database. */
export interface PostgresAddress {
  host: string;
  port: number;
  user: string;
  password: string;
  /** Said aloud, because PGSSLMODE would decide otherwise; a private socket has no need of it. */
  ssl: false;
  database: string;
}

export const superuser = 'emerald';
const port = 5432;
/** A socket's path is cut off beyond about 100 bytes, without a word; this leaves room for the lock file beside it. */
const longestSocketPath = 90;

export async function addressOf(layout: Layout): Promise<PostgresAddress> {
  const password = (await readFile(layout.passwordFile, 'utf8')).trim();
  return { host: layout.socketFolder, port, user: superuser, password, database: 'postgres', ssl: false };
}

/** Makes the socket's folder where it is not the database's own; anybody could have made it before us, so look twice. */
export async function prepareSocketFolder(layout: Layout, owner: { uid: number; gid: number }): Promise<void> {
  if (layout.socketFolder === layout.home) return;
  try {
    await mkdir(layout.socketFolder, { mode: 0o700 });
    if (owner.uid !== process.getuid?.()) await chown(layout.socketFolder, owner.uid, owner.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const folder = await lstat(layout.socketFolder);
  if (folder.isDirectory() && folder.uid === owner.uid && (folder.mode & 0o077) === 0) return;
  throw new CodedError(
    'not_authorized',
    `The folder ${layout.socketFolder} is needed for the database's socket, but belongs to somebody else or is open to ` +
      `others. Remove it, or use a data folder with a shorter path.`,
  );
}

function socketFits(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${port}`)) <= longestSocketPath;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
