import { execFile } from 'node:child_process';
import { access, constants, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { version as ownVersion } from '../../../common/version.ts';
import { CodedError } from '../../../protocol/errors.ts';

/** How `oz` is started: the program, and the arguments that come before its own. */
export interface OzProgram {
  program: string;
  args: readonly string[];
}

export interface OzSources {
  /** As configured: a path, or a name to look for in PATH. */
  configured: string | undefined;
  /** The `oz` that came with this daemon. */
  beside: string;
  host: Readonly<Record<string, string | undefined>>;
}

interface FoundOz {
  oz: OzProgram;
  version: string;
  /** Of the same version as this daemon: it takes what the worker protocol does not know of. */
  isOurs: boolean;
}

/** How long `oz --version` may take, in milliseconds. */
const versionLimit = 15_000;

/** Finds `oz`: the configured one, else the one beside the daemon, else the one in PATH. Asks it for its version. */
export async function findOz(sources: OzSources): Promise<FoundOz> {
  const oz = await toProgram(await locate(sources));
  const version = await askVersion(oz, sources.host);
  return { oz, version, isOurs: version === `oz ${ownVersion}` };
}

async function locate({ configured, beside, host }: OzSources): Promise<string> {
  if (configured?.includes('/')) return configured;
  if (configured === undefined && (await isReadable(beside))) return beside;
  const name = configured ?? 'oz';
  for (const folder of (host['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && (await isExecutable(join(folder, name)))) return join(folder, name);
  }
  throw refusal(`${name} is not in PATH: set backend.direct.oz_path in the config file.`);
}

/** A script for Node is started with the daemon's own Node; the one in PATH may be too old, or none. */
async function toProgram(path: string): Promise<OzProgram> {
  const real = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    throw refusal(`oz is not at ${path}, as backend.direct.oz_path says (${error.code ?? error.message}): correct it.`);
  });
  return /\.[cm]?[jt]s$/.test(real) ? { program: process.execPath, args: [real] } : { program: path, args: [] };
}

async function askVersion({ program, args }: OzProgram, host: OzSources['host']): Promise<string> {
  const env = { PATH: host['PATH'], HOME: host['HOME'], TMPDIR: host['TMPDIR'] };
  const options = { env, timeout: versionLimit, killSignal: 'SIGKILL', maxBuffer: 65_536 } as const;
  try {
    const { stdout } = await promisify(execFile)(program, [...args, '--version'], options);
    const [version = ''] = stdout.trim().split('\n');
    return version.trimEnd();
  } catch (error) {
    const why = (error as Error).message.trim().replaceAll(/\s*\n\s*/g, ' ');
    throw refusal(`oz at ${args[0] ?? program} does not say its version: ${why}`);
  }
}

function isReadable(path: string): Promise<boolean> {
  return hasAccess(path, constants.R_OK);
}

function isExecutable(path: string): Promise<boolean> {
  return hasAccess(path, constants.X_OK);
}

async function hasAccess(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    // Missing, or not ours to use: the search goes on.
    return false;
  }
}

function refusal(message: string): CodedError {
  return new CodedError('invalid_request', message);
}
