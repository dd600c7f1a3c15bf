import { homedir } from 'node:os';
import { findSystemProgram } from '../../../../process/find-program.ts';
import { removeFirmly, removeTree } from '../../../workspace/remove-tree.ts';
import { proxyVariables } from './egress/egress.ts';
import { holdBack } from './held-back.ts';
import type { Entrance, IsolatedPlace, TaskIsolation, TaskUser } from './isolation.ts';
import { enterSandbox, homeInSandbox, type SandboxSettings } from './sandbox.ts';
import { taskFolders } from './task-folders.ts';
import { becomeUser } from './task-user.ts';

export interface IsolationSettings {
  /** For the agent; undefined is none. */
  sandbox: SandboxSettings | undefined;
  privateTmp: boolean;
  /** The daemon's own PATH. */
  path: string;
}

type Variables = Readonly<Record<string, string>>;

export function isolateTask(settings: IsolationSettings, place: IsolatedPlace, user: TaskUser | null): TaskIsolation {
  const { own, tmp, home, egress } = taskFolders(place);
  const remove = user === null ? removeTree : removeFirmly;
  const hasOwnTmp = settings.privateTmp || settings.sandbox !== undefined;
  return {
    state: { user },
    own,
    host: { ...(user === null ? {} : variablesOf(user, home)), ...(hasOwnTmp ? { TMPDIR: tmp } : {}) },
    enter(stage, environment) {
      const { sandbox } = settings;
      if (stage === 'agent' && sandbox !== undefined)
        return intoSandbox({ ...settings, sandbox }, place, user, environment);
      return user === null ? { through: [], environment } : asUser(settings, user, environment);
    },
    async give(file) {
      if (user !== null) await file.chown(user.uid, user.gid);
    },
    remove,
    async close() {
      await Promise.all([tmp, home, egress].map(remove));
    },
  };
}

/** What is the daemon's alone, such as its session, is not the user's. */
function variablesOf({ name, home }: TaskUser, ownHome: string): Record<string, string | undefined> {
  const ofSession = {
    SHELL: undefined,
    MAIL: undefined,
    XDG_RUNTIME_DIR: undefined,
    DBUS_SESSION_BUS_ADDRESS: undefined,
  };
  return { ...ofSession, HOME: home ?? ownHome, USER: name, LOGNAME: name };
}

function asUser({ path }: IsolationSettings, user: TaskUser, environment: Variables): Entrance {
  const { passed, held } = holdBack(environment);
  const env = findSystemProgram('env') ?? 'env';
  return { through: [...becomeUser(user), env, ...held], environment: { ...passed, PATH: path } };
}

function intoSandbox(
  { sandbox, path }: IsolationSettings & { sandbox: SandboxSettings },
  place: IsolatedPlace,
  user: TaskUser | null,
  environment: Variables,
): Entrance {
  const { passed, held } = holdBack(insideSandbox(sandbox, place, user, environment));
  return { through: enterSandbox(sandbox, place, user, held), environment: { ...passed, PATH: path } };
}

/** Within, /tmp is the task's own, and its path short enough for sockets. */
function insideSandbox({ egress }: SandboxSettings, place: IsolatedPlace, user: TaskUser | null, outside: Variables) {
  const { tmp, home } = taskFolders(place);
  const hostHome = user === null ? homedir() : (user.home ?? home);
  const homeInside = homeInSandbox(place, hostHome, user?.uid ?? process.getuid?.());
  return {
    ...outside,
    ...(outside['TMPDIR'] === tmp ? { TMPDIR: '/tmp' } : {}),
    ...(outside['HOME'] === hostHome ? { HOME: homeInside } : {}),
    ...(egress === undefined ? {} : proxyVariables),
  };
}
