import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { CodedError } from '../../../../protocol/errors.ts';
import type { SandboxSection } from '../../../config/config-file.ts';
import type { OzProgram } from '../oz-program.ts';
import { checkEntrance } from './check-entrance.ts';
import type { Egress } from './egress/egress.ts';
import type { IsolationOptions } from './isolation-options.ts';
import type { Isolation, TaskUser } from './isolation.ts';
import { expandHome, type SandboxSettings } from './sandbox.ts';
import { makeTaskFolders, openToPass } from './task-folders.ts';
import { isolateTask, type IsolationSettings } from './task-isolation.ts';
import { findTaskUsers } from './task-user.ts';
import { whyNoSandbox } from './why-no-sandbox.ts';

/**
 * Checks that this host gives all that is asked for, by starting `oz` that way for each user; what it does not give is
 * refused with `invalid_request` in words that say what to do.
 */
export async function openIsolation(options: IsolationOptions): Promise<Isolation> {
  const { config, stateFolder } = options;
  const { runAs, sandbox } = config.direct;
  const users = runAs === undefined ? [] : await findTaskUsers(runAs, config.maxConcurrentTasks);
  const settings: IsolationSettings = {
    sandbox: sandbox && (await openSandbox(sandbox, options, users)),
    privateTmp: config.direct.privateTmp,
    path: options.host['PATH'] ?? '',
  };
  if (users.length > 0) await openFolders(stateFolder, config.stateDir);
  const isolation = isolationFor(settings, users);
  if (users.length > 0 || sandbox !== undefined) await checkEntrance(isolation, users, options);
  return isolation;
}

function isolationFor(settings: IsolationSettings, users: readonly TaskUser[]): Isolation {
  return {
    async forTask(place, slot) {
      const user = (users.length > 1 ? users[slot] : users[0]) ?? null;
      // Never as the daemon's own user because a slot has none.
      if (user === null && users.length > 0) throw new Error(`no user is left for slot ${slot}`);
      if (isAskedFor(settings, user)) await makeTaskFolders(place, user);
      return isolateTask(settings, place, user);
    },
    reopen: (place, { user }) => isolateTask(settings, place, user),
  };
}

function isAskedFor({ privateTmp, sandbox }: IsolationSettings, user: TaskUser | null): boolean {
  return privateTmp || sandbox !== undefined || user !== null;
}

/** Tasks reach their own folders by the names of those around them, which they still cannot list. */
async function openFolders(folder: string, top: string): Promise<void> {
  await openToPass(folder);
  if (folder !== top && folder.startsWith(`${top}/`)) await openFolders(dirname(folder), top);
}

async function openSandbox(
  section: Partial<SandboxSection>,
  options: IsolationOptions,
  users: readonly TaskUser[],
): Promise<SandboxSettings> {
  const { config, configFile, host, oz, programs } = options;
  const problem = await whyNoSandbox();
  if (problem !== undefined) throw refusal(`${problem.what}. ${problem.advice}`);
  for (const user of users.length > 0 ? users : [null]) await requirePaths(section, user);
  return {
    section,
    daemonPaths: [
      config.stateDir,
      options.stateFolder,
      config.direct.workspaceRoot,
      ...(configFile === undefined ? [] : [configFile]),
      ...(host['HOME'] ? [host['HOME']].filter((home) => home.split('/').length > 2) : []),
    ],
    programPaths: [process.execPath, programs.folder, dirname(programs.folder), ...programPathsOf(oz)],
    egress: section.network === 'off' ? egressOf(options) : undefined,
  };
}

/** What is named wrongly would be neither hidden nor shown. */
async function requirePaths(section: Partial<SandboxSection>, user: TaskUser | null): Promise<void> {
  for (const key of ['writable', 'readable', 'hidden'] as const) {
    for (const path of section[key] ?? []) {
      const absolute = expandHome(path, (user === null ? homedir() : user.home) ?? '/nonexistent');
      if (!absolute.startsWith('/')) throw refusal(`${key}: ${path} is not an absolute path.`);
      const found = await stat(absolute).catch((error: Error) => error);
      if (found instanceof Error) throw refusal(`${key}: ${path} cannot be found: ${found.message}.`);
    }
  }
}

/** A package of Node's is needed whole; anything else is a program by itself. */
function programPathsOf({ program, args }: OzProgram): string[] {
  return args[0] === undefined ? [program] : [program, dirname(dirname(args[0]))];
}

function egressOf({ config, programs }: IsolationOptions): Egress {
  const urls = [config.server.rootUrl, config.sessionSharingServerUrl].filter((url) => url !== undefined);
  const allow = [...urls.map(addressOf), ...(config.direct.sandbox?.allow ?? [])];
  return { programs: programs.folder, extension: programs.extension, allow };
}

function addressOf(text: string): string {
  const { hostname, port, protocol } = new URL(text);
  return `${hostname}:${port || (/^(https|wss):$/.test(protocol) ? 443 : 80)}`;
}

function refusal(what: string): CodedError {
  return new CodedError('invalid_request', `backend.direct.sandbox: ${what}`);
}
