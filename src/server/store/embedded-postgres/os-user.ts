import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { CodedError } from '../../../protocol/errors.ts';

const run = promisify(execFile);

/**
 * Whom Postgres runs as. It refuses to run as root, so root hands over to an unprivileged user, or, where that user
 * cannot enter the folders, to a user namespace in which root goes by another number.
 */
export type OsUser = { kind: 'self' } | { kind: 'user'; uid: number; gid: number } | { kind: 'namespace' };

interface Folders {
  /** The folder that holds, or is to hold, the database. */
  parent: string;
  /** A program that the user must be able to start. */
  program: string;
}

/** The user for a database that is yet to be made. */
export async function chooseOsUser(folders: Folders): Promise<OsUser> {
  if (process.getuid?.() !== 0) return { kind: 'self' };
  for (const name of ['postgres', 'nobody']) {
    const user = await findUser(name);
    if (user && (await canEnter(user, folders))) return user;
  }
  await checkNamespaces(folders);
  return { kind: 'namespace' };
}

/** The user that an existing database belongs to: Postgres runs as nobody but its folder's owner. */
export async function ownerOf(folder: string): Promise<OsUser> {
  const { uid, gid } = await stat(folder);
  const self = process.getuid?.();
  if (self === 0) return uid === 0 ? { kind: 'namespace' } : { kind: 'user', uid, gid };
  if (uid === self) return { kind: 'self' };
  throw new CodedError(
    'not_authorized',
    `The database in ${folder} belongs to the user with the number ${uid}. Start the server as that user or as root.`,
  );
}

/** How to start `program` as that user. */
export function asOsUser(user: OsUser, program: string, args: string[]): OsCommand {
  if (user.kind === 'self') return { file: program, args, credentials: {} };
  if (user.kind === 'user') return { file: program, args, credentials: { uid: user.uid, gid: user.gid } };
  return {
    file: 'unshare',
    args: ['--user', '--map-user=1000', '--map-group=1000', program, ...args],
    credentials: {},
  };
}

export interface OsCommand {
  file: string;
  args: string[];
  credentials: { uid?: number; gid?: number };
}

async function findUser(name: string): Promise<Extract<OsUser, { kind: 'user' }> | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { kind: 'user', uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    // No such user on this machine: the next one is tried.
    return undefined;
  }
}

/** Tried for real, because a mode bit is not all that may stand in the way. */
async function canEnter(user: OsUser, { parent, program }: Folders): Promise<boolean> {
  const { file, args, credentials } = asOsUser(user, '/bin/sh', [
    '-c',
    'cd "$1" && exec "$2" --version',
    'sh',
    parent,
    program,
  ]);
  try {
    await run(file, args, { ...credentials, cwd: '/' });
    return true;
  } catch {
    // It cannot: that is the answer.
    return false;
  }
}

async function checkNamespaces({ parent, program }: Folders): Promise<void> {
  const { file, args } = asOsUser({ kind: 'namespace' }, program, ['--version']);
  try {
    await run(file, args);
  } catch (cause) {
    throw new CodedError(
      'operation_not_supported',
      `Postgres does not run as root, no unprivileged user can enter ${parent}, and this system allows no user ` +
        `namespaces. Start the server as another user, use a data folder that the user "nobody" can reach, or set ` +
        `DATABASE_URL.`,
      { cause },
    );
  }
}
