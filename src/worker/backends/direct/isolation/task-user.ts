import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findSystemProgram } from '../../../../process/find-program.ts';
import { CodedError } from '../../../../protocol/errors.ts';
import type { TaskUser } from './isolation.ts';

/** The users of `run_as`, in its order: names, or numbers that need no entry among the users. */
export async function findTaskUsers(names: readonly string[], maxConcurrentTasks: number): Promise<TaskUser[]> {
  if (process.getuid?.() !== 0) throw refusal('only a worker that runs as root can start tasks as another user.');
  if (findSystemProgram('setpriv') === undefined) throw refusal('it needs setpriv: install the package util-linux.');
  if (names.length > 1 && maxConcurrentTasks > names.length) {
    throw refusal(
      `it names ${names.length} users, one for each task at a time: set max_concurrent_tasks to ${names.length} at most.`,
    );
  }
  const users = await Promise.all(names.map(findUser));
  const doubled = users.find(({ uid }, index) => users.findIndex((other) => other.uid === uid) !== index);
  if (doubled !== undefined) throw refusal(`it names the user ${doubled.name ?? doubled.uid} twice.`);
  return users;
}

/** The arguments that start what follows them as this user, who gains no other rights by whatever it executes. */
export function becomeUser({ uid, gid, name }: TaskUser): string[] {
  const groups = name === undefined ? '--clear-groups' : '--init-groups';
  const setpriv = findSystemProgram('setpriv') ?? 'setpriv';
  return [setpriv, `--reuid=${uid}`, `--regid=${gid}`, groups, '--inh-caps=-all', '--no-new-privs', '--'];
}

async function findUser(wanted: string): Promise<TaskUser> {
  const [name, , uid, gid, , home] = (await askForUser(wanted)).split(':');
  const user =
    home === undefined ? userOfNumber(wanted) : { uid: Number(uid), gid: Number(gid), name, home: home || undefined };
  if (user.uid === 0) throw refusal(`${JSON.stringify(wanted)} is root, which is no boundary.`);
  return user;
}

function userOfNumber(wanted: string): TaskUser {
  const uid = Number(wanted);
  if (/^\d+$/.test(wanted) && uid < 2 ** 32 - 1) return { uid, gid: uid, name: undefined, home: undefined };
  throw refusal(`this machine has no user ${JSON.stringify(wanted)}.`);
}

/** The line of the user database; empty where there is none. */
async function askForUser(wanted: string): Promise<string> {
  const getent = findSystemProgram('getent');
  if (getent === undefined) throw refusal('it needs getent, which comes with the C library.');
  try {
    return (await promisify(execFile)(getent, ['--', 'passwd', wanted])).stdout.trim();
  } catch (error) {
    if ((error as { code?: unknown }).code === 2) return '';
    throw refusal(`the users of this machine cannot be read: ${(error as Error).message.trim()}.`);
  }
}

function refusal(what: string): CodedError {
  return new CodedError('invalid_request', `backend.direct.run_as: ${what}`);
}
