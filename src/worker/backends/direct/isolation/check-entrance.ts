import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CodedError } from '../../../../protocol/errors.ts';
import { removeTree } from '../../../workspace/remove-tree.ts';
import type { IsolatedPlace, Isolation, TaskIsolation, TaskUser } from './isolation.ts';
import type { IsolationOptions } from './isolation-options.ts';
import { sandboxAdvice } from './why-no-sandbox.ts';

/** How long `oz --version` may take in its isolation, in milliseconds. */
const limit = 20_000;

/** Starts `oz` as each of the users, in all that its tasks will be put into, after a look at what it has to write to. */
export async function checkEntrance(
  isolation: Isolation,
  users: readonly TaskUser[],
  options: IsolationOptions,
): Promise<void> {
  for (const [slot, user] of (users.length > 0 ? users : [undefined]).entries()) {
    await inProbe(options, async (place) => {
      const task = await isolation.forTask(place, slot);
      await tryStage(task, 'setup', place, [], user, options);
      const { program, args } = options.oz;
      await tryStage(task, 'agent', place, [program, ...args, '--version'], user, options);
    });
  }
}

async function inProbe(
  { stateFolder, config: { direct } }: IsolationOptions,
  look: (place: IsolatedPlace) => Promise<void>,
): Promise<void> {
  const state = await mkdtemp(join(stateFolder, 'probe-'));
  const isShared = direct.targetDir !== undefined;
  const workspace = direct.targetDir ?? (await mkdtemp(join(direct.workspaceRoot, '.probe-')));
  try {
    await look({ workspace, isShared, state });
  } finally {
    await Promise.all([state, ...(isShared ? [] : [workspace])].map(removeTree));
  }
}

/** Each step names what it could not do. `$1` is the workspace, `$2` the task's own folder. */
const script = `
cd "$1" || exit
[ -w "$1" ] || { echo "it cannot write to $1" >&2; exit 1; }
[ -w "$2" ] || { echo "it cannot write to $2" >&2; exit 1; }
shift 2
[ $# = 0 ] || "$@"
`;

async function tryStage(
  task: TaskIsolation,
  stage: 'setup' | 'agent',
  place: IsolatedPlace,
  command: readonly string[],
  user: TaskUser | undefined,
  { host, oz }: IsolationOptions,
): Promise<void> {
  const basic = { PATH: host['PATH'], HOME: host['HOME'], TMPDIR: host['TMPDIR'], ...task.host };
  const entries = Object.entries(basic).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { through, environment } = task.enter(stage, Object.fromEntries(entries));
  const whole = [...through, '/bin/sh', '-c', script, 'check', place.workspace, task.own, ...command];
  const [program = '', ...args] = whole;
  const options = { env: environment, cwd: '/', timeout: limit, killSignal: 'SIGKILL' } as const;
  try {
    await promisify(execFile)(program, args, options);
  } catch (error) {
    const words = wordsOf(error as Error & { stderr?: string });
    const who = user === undefined ? '' : ` as ${user.name ?? `user ${user.uid}`}`;
    const what =
      stage === 'setup' ? `A task cannot be run${who}` : `${oz.args[0] ?? oz.program} cannot be started${who}`;
    throw new CodedError(
      'invalid_request',
      `${what}${stage === 'agent' ? ' in its isolation' : ''}: ${words}. ${sandboxAdvice(words)}`,
    );
  }
}

function wordsOf({ stderr, message }: Error & { stderr?: string }): string {
  return (stderr?.trim() || message.trim())
    .replaceAll(/\s*\n\s*/g, '; ')
    .slice(0, 500)
    .replace(/\.$/, '');
}
