import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseDuration } from '../../common/durations.ts';
import { isHeaderWord } from '../../common/header-word.ts';
import type { LogLevel } from '../../common/logger.ts';
import { CodedError } from '../../protocol/errors.ts';
import { workerIdSchema } from '../../protocol/ids.ts';
import { workerLinkPath } from '../../protocol/worker-link.ts';
import {
  parseConfigFile,
  type AcceptSection,
  type ConfigFile,
  type ContainmentChoice,
  type DirectSection,
  type LimitsSection,
  type OnShutdown,
  type SandboxSection,
} from './config-file.ts';
import { resolveEnvironment } from './environment.ts';
import type { BackendName, Flags } from './flags.ts';

/** All that the daemon goes by, from flags, environment and config file; read once. */
export interface WorkerConfig {
  apiKey: string;
  workerId: string;
  webSocketUrl: string;
  server: ServerAddress;
  logLevel: LogLevel;
  /** Tasks at once; Infinity is no limit. */
  maxConcurrentTasks: number;
  /** How long an agent waits for a follow-up, as it was written; undefined leaves it to the agent. */
  idleOnComplete: string | undefined;
  sessionSharingServerUrl: string | undefined;
  /** Parent of the daemons' state folders. */
  stateDir: string;
  onShutdown: OnShutdown;
  /** In milliseconds; undefined is no limit. */
  taskTimeout: number | undefined;
  /** Between SIGTERM and SIGKILL, in milliseconds. */
  killGrace: number;
  limits: LimitsSection;
  accept: AcceptSection;
  /** Where `/livez` and `/readyz` are served. */
  health: { host: string; port: number } | undefined;
  /** One task, then the end. */
  once: boolean;
  direct: DirectConfig;
}

export interface ServerAddress {
  rootUrl: string;
  /** Whether somebody named it, or it is where a server of this machine listens. */
  isConfigured: boolean;
}

export interface DirectConfig {
  workspaceRoot: string;
  targetDir: string | undefined;
  ozPath: string | undefined;
  setupCommand: string | undefined;
  teardownCommand: string | undefined;
  environment: Record<string, string>;
  /** Whether a workspace is removed after its task. */
  cleanup: boolean;
  /** In milliseconds. */
  teardownTimeout: number;
  /** Users that tasks run as: one for all, or one for each slot. */
  runAs: readonly string[] | undefined;
  sandbox: SandboxSection | undefined;
  privateTmp: boolean;
  containment: ContainmentChoice;
}

type Environment = Readonly<Record<string, string | undefined>>;

const defaultRootUrl = 'http://127.0.0.1:8080';
const defaultWorkspaceRoot = '/var/lib/oz/workspaces';
const defaultKillGrace = 10_000;
const defaultTeardownTimeout = 5 * 60_000;

/**
 * A flag beats the file, but a flag's zero value (`''`, `0`) falls through to it. Whatever is wrong is refused with
 * `invalid_request` in one sentence that names it.
 */
export async function resolveConfig(flags: Flags, host: Environment): Promise<WorkerConfig> {
  const file = flags.configFile ? await readConfigFile(flags.configFile) : {};
  const apiKey = resolveApiKey(flags, host);
  const workerId = resolveWorkerId(flags, file);
  requireDirect(flags, file);
  const server = resolveServer(flags, host);
  return {
    apiKey,
    workerId,
    webSocketUrl: resolveWebSocketUrl(flags, server),
    server,
    logLevel: flags.logLevel,
    maxConcurrentTasks: resolveMaxConcurrentTasks(flags, file),
    idleOnComplete: resolveIdleOnComplete(flags, file),
    sessionSharingServerUrl: flags.sessionSharingServerUrl || undefined,
    stateDir: resolveStateDir(flags, file, host),
    onShutdown: flags.onShutdown ?? file.on_shutdown ?? 'detach',
    taskTimeout: resolveTaskTimeout(flags, file),
    killGrace: milliseconds(file.kill_grace) ?? defaultKillGrace,
    limits: file.limits ?? {},
    accept: file.accept ?? {},
    health: resolveHealth(flags, file),
    once: flags.once ?? false,
    direct: resolveDirect({ ...flags, apiKey }, file, host),
  };
}

/** Blanks and line ends around a key come from the file that it was read from. */
function resolveApiKey(flags: Flags, host: Environment): string {
  const apiKey = (flags.apiKey || host['WARP_API_KEY'])?.trim();
  if (!apiKey) throw invalid('An API key is required: set WARP_API_KEY or give --api-key.');
  if (isHeaderWord(apiKey)) return apiKey;
  throw invalid(
    'The API key holds a character that no key has: look for a blank, a line end or a letter with an accent.',
  );
}

async function readConfigFile(path: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(expandHome(path), 'utf8');
  } catch (error) {
    throw invalid(`The config file ${path} cannot be read: ${(error as Error).message}.`);
  }
  return parseConfigFile(text, path);
}

function resolveWorkerId(flags: Flags, file: ConfigFile): string {
  const id = flags.workerId || file.worker_id;
  if (!id) throw invalid('A worker id is required: give --worker-id, or worker_id in the config file.');
  const parsed = workerIdSchema.safeParse(id);
  if (parsed.success) return id;
  throw invalid(`The worker id "${id}" ${parsed.error.issues[0]?.message ?? 'is not valid'}.`);
}

/** The other backends are read as strictly as this one, and then refused. */
function requireDirect(flags: Flags, file: ConfigFile): void {
  const name = flags.backend || (Object.keys(file.backend ?? {})[0] as BackendName | undefined);
  if (name === 'direct') return;
  if (name !== undefined) throw invalid(`The ${name} backend is not yet built: use --backend direct.`);
  throw invalid('No backend is named, and docker, the usual one, is not yet built: give --backend direct.');
}

function resolveServer(flags: Flags, host: Environment): ServerAddress {
  const named = flags.serverRootUrl || host['WARP_SERVER_ROOT_URL'];
  const rootUrl = (named || defaultRootUrl).replace(/\/+$/, '');
  requireUrl(rootUrl, ['http:', 'https:'], 'server root URL');
  return { rootUrl, isConfigured: Boolean(named) };
}

function resolveWebSocketUrl(flags: Flags, server: ServerAddress): string {
  const url = flags.webSocketUrl || server.rootUrl.replace(/^http/i, 'ws') + workerLinkPath;
  requireUrl(url, ['ws:', 'wss:'], 'web socket URL');
  return url;
}

function requireUrl(text: string, protocols: string[], what: string): void {
  const url = URL.parse(text);
  if (url && (url.username || url.password)) {
    throw invalid(`The ${what} holds a user or a password, which would be shown: leave it out, the API key is enough.`);
  }
  if (url && protocols.includes(url.protocol)) return;
  throw invalid(`The ${what} "${text}" is not a URL that begins with ${protocols.join('// or ')}//.`);
}

function resolveMaxConcurrentTasks(flags: Flags, file: ConfigFile): number {
  if (Number.isNaN(flags.maxConcurrentTasks)) throw invalid('--max-concurrent-tasks takes a whole number.');
  const limit = flags.maxConcurrentTasks || (file.max_concurrent_tasks ?? 0);
  return limit > 0 ? limit : Infinity;
}

function resolveIdleOnComplete(flags: Flags, file: ConfigFile): string | undefined {
  const idle = (flags.idleOnComplete || file.idle_on_complete)?.trim() || undefined;
  // Passed on as it is, so any unit is the agent's to know; this much keeps every task from failing over a slip.
  if (idle === undefined || /^(\d+(\.\d+)?\s*[a-zµ]+\s*)+$|^0$/i.test(idle)) return idle;
  throw invalid(`idle_on_complete "${idle}" is not a duration such as 45m or 0s.`);
}

/** What the service manager gives, then what the user's environment says, then the usual place. */
function resolveStateDir(flags: Flags, file: ConfigFile, host: Environment): string {
  const named = flags.stateDir || file.state_dir;
  if (named) return resolve(expandHome(named));
  if (host['STATE_DIRECTORY']) return resolve(host['STATE_DIRECTORY']);
  if (host['XDG_STATE_HOME']) return join(host['XDG_STATE_HOME'], 'oz-agent-worker');
  return process.getuid?.() === 0 ? '/var/lib/oz-agent-worker' : join(homedir(), '.local/state/oz-agent-worker');
}

function resolveTaskTimeout(flags: Flags, file: ConfigFile): number | undefined {
  const text = flags.taskTimeout || file.task_timeout || '0';
  const limit = milliseconds(text);
  if (limit === undefined) throw invalid(`The task timeout "${text}" is not a duration such as 2h.`);
  return limit || undefined;
}

/** Only this machine can ask, unless an address is named: a container's probes come from outside. */
function resolveHealth(flags: Flags, file: ConfigFile): WorkerConfig['health'] {
  const text = (flags.healthPort || file.health_port)?.trim();
  if (!text) return undefined;
  const [, host = '127.0.0.1', digits] = /^(?:\[?([^\s\]]+?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (port <= 65_535) return { host, port };
  throw invalid(`The health port "${text}" is neither a number from 0 to 65535 nor address:port.`);
}

function milliseconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

function resolveDirect(flags: Flags & { apiKey: string }, file: ConfigFile, host: Environment): DirectConfig {
  const section: DirectSection = file.backend?.direct ?? {};
  const targetDir = flags.targetDir || section.target_dir;
  return {
    workspaceRoot: resolve(expandHome(section.workspace_root || defaultWorkspaceRoot)),
    targetDir: targetDir ? resolve(expandHome(targetDir)) : undefined,
    ozPath: section.oz_path ? expandProgram(section.oz_path) : undefined,
    setupCommand: section.setup_command || undefined,
    teardownCommand: section.teardown_command || undefined,
    environment: resolveEnvironment({
      section: section.environment ?? [],
      flags: flags.env,
      host,
      apiKey: flags.apiKey,
    }),
    cleanup: flags.cleanup && (file.cleanup ?? true),
    teardownTimeout: milliseconds(section.teardown_timeout) ?? defaultTeardownTimeout,
    runAs: section.run_as,
    sandbox: section.sandbox,
    privateTmp: section.private_tmp ?? false,
    containment: section.containment ?? 'auto',
  };
}

/** A bare name is looked up in PATH later; anything with a slash is a path. */
function expandProgram(program: string): string {
  return program.includes('/') ? resolve(expandHome(program)) : program;
}

/** In a file no shell does it, and a folder named `~` is what nobody means. */
function expandHome(path: string): string {
  return path.replace(/^~(?=\/|$)/, homedir());
}

function invalid(message: string): CodedError {
  return new CodedError('invalid_request', message);
}
