import { realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { findSystemProgram } from '../../../../process/find-program.ts';
import type { SandboxSection } from '../../../config/config-file.ts';
import { egressArguments, relayArguments, socketFolder, type Egress } from './egress/egress.ts';
import type { IsolatedPlace, TaskUser } from './isolation.ts';
import { mountArguments, type View } from './mounts.ts';
import { taskFolders } from './task-folders.ts';
import { becomeUser } from './task-user.ts';

export interface SandboxSettings {
  section: Partial<SandboxSection>;
  /** The daemon's own places, which no task may look into. */
  daemonPaths: readonly string[];
  /** What `oz` and its Node consist of, wherever they were installed. */
  programPaths: readonly string[];
  /** Undefined with the network on. */
  egress: Egress | undefined;
}

/** Wherever people keep what is theirs, and where services listen; what replaces the shared temporary folders. */
const alwaysHidden = ['/home', '/root', '/run'];
const temporaryFolders = ['/tmp', '/var/tmp'];

/**
 * The arguments that start what follows them in the sandbox, as the user where there is one:
 *
 * ```
 * (proxy →) env → bwrap → (setpriv →) (relay →) env → the program
 * ```
 *
 * SIGTERM goes to the whole group: bubblewrap, which would end by it and take the exit code along, ignores it, and the
 * program does not. There is no session of its own within, because a signal to the group would not reach that; there is no
 * terminal either, which is what such a session is for.
 */
export function enterSandbox(
  settings: SandboxSettings,
  place: IsolatedPlace,
  user: TaskUser | null,
  held: readonly string[],
): string[] {
  const { egress } = settings;
  const env = findSystemProgram('env') ?? 'env';
  const inside = [
    ...(user === null ? [] : becomeUser(user)),
    ...(egress === undefined ? [] : relayArguments(egress)),
    env,
    '--default-signal=TERM',
    ...held,
  ];
  const sandbox = [env, '--ignore-signal=TERM', ...bubblewrapArguments(settings, place, user), ...inside];
  return egress === undefined ? sandbox : [...egressArguments(egress, taskFolders(place).egress, user), ...sandbox];
}

/** The HOME within: an empty folder of the task's own, at the place of the user's home where there is one. */
export function homeInSandbox(place: IsolatedPlace, home: string | undefined, uid: number | undefined): string {
  return home !== undefined && isOwned(home, uid) ? home : taskFolders(place).home;
}

function bubblewrapArguments(settings: SandboxSettings, place: IsolatedPlace, user: TaskUser | null): string[] {
  // To become the user, and to enter the user's workspace before.
  const rights = user === null ? [] : ['CAP_SETUID', 'CAP_SETGID', 'CAP_DAC_READ_SEARCH'];
  return [
    findSystemProgram('bwrap') ?? 'bwrap',
    ...mountArguments(viewOf(settings, place, user)),
    // What the program leaves behind would be held by its init, which no SIGTERM ends: it goes with bubblewrap at once.
    '--die-with-parent',
    '--unshare-pid',
    '--unshare-ipc',
    ...(settings.egress ? ['--unshare-net'] : []),
    '--cap-drop',
    'ALL',
    ...rights.flatMap((right) => ['--cap-add', right]),
    '--chdir',
    place.workspace,
    '--',
  ];
}

function viewOf(settings: SandboxSettings, place: IsolatedPlace, user: TaskUser | null): View {
  const { section, daemonPaths, programPaths, egress } = settings;
  const { own, tmp, home, egress: socket } = taskFolders(place);
  const userHome = user === null ? homedir() : user.home;
  const homeInside = homeInSandbox(place, userHome, user?.uid ?? process.getuid?.());
  const expand = (paths: readonly string[] = []) => paths.map((path) => expandHome(path, homeInside));
  return {
    hidden: [...alwaysHidden, ...daemonPaths, ...expand(section.hidden)],
    readable: [...nameResolution(), ...programPaths, ...expand(section.readable)],
    writable: [...expand(section.writable), place.workspace, own, tmp],
    placed: { ...Object.fromEntries(temporaryFolders.map((folder) => [folder, tmp])), [homeInside]: home },
    placedReadOnly: egress === undefined ? {} : { [socketFolder]: socket },
  };
}

/** In /run on many machines, where it is needed to find any address. */
function nameResolution(): string[] {
  try {
    return [dirname(realpathSync('/etc/resolv.conf'))].filter((folder) => folder.startsWith('/run/'));
  } catch {
    // A machine without one resolves names in another way, or not at all.
    return [];
  }
}

/** `~/` is the home of whoever the task runs as. */
export function expandHome(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path;
}

/** What system users have for a home, such as /usr/sbin, belongs to the system. */
function isOwned(folder: string, uid: number | undefined): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  return folder !== '/' && found !== undefined && found.isDirectory() && found.uid === uid;
}
