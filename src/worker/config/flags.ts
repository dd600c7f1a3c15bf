import { Command, InvalidArgumentError, Option } from 'commander';
import { logLevels, type LogLevel } from '../../common/logger.ts';
import { version } from '../../common/version.ts';
import { onShutdownChoices, type OnShutdown } from './config-file.ts';

export const backendNames = ['docker', 'direct', 'kubernetes', 'command'] as const;
export type BackendName = (typeof backendNames)[number];

/** What the command line says; a flag that was not given is absent. */
export interface Flags {
  apiKey?: string;
  workerId?: string;
  configFile?: string;
  backend?: BackendName;
  logLevel: LogLevel;
  targetDir?: string;
  /** False after `--no-cleanup`, else true. */
  cleanup: boolean;
  volumes: string[];
  env: string[];
  maxConcurrentTasks?: number;
  idleOnComplete?: string;
  webSocketUrl?: string;
  serverRootUrl?: string;
  sessionSharingServerUrl?: string;
  stateDir?: string;
  onShutdown?: OnShutdown;
  taskTimeout?: string;
  healthPort?: string;
  once?: boolean;
}

/** Throws a `CommanderError`: with exit code 0 when help or the version was asked for and has been printed. */
export function parseFlags(args: readonly string[]): Flags {
  return createCommand().parse(args, { from: 'user' }).opts<Flags>();
}

/** The flags of `doctor`: the worker's own, and how to show what it finds. */
export function parseDoctorFlags(args: readonly string[]): Flags & { outputFormat: 'json' | 'text' } {
  return createDoctorCommand().parse(args, { from: 'user' }).opts<Flags & { outputFormat: 'json' | 'text' }>();
}

export function createCommand(): Command {
  return withFlags(new Command('oz-agent-worker'))
    .description('Runs the tasks of an Oz server on this machine.')
    .addHelpText('after', '\n`oz-agent-worker doctor` with the same flags says whether they work here.');
}

export function createDoctorCommand(): Command {
  const format = new Option('--output-format <format>', 'how to show what is found').choices(['json', 'text']);
  return withFlags(new Command('oz-agent-worker doctor'))
    .description('Says whether a worker with these flags works here, and what to mend.')
    .addOption(format.default('text'));
}

function withFlags(command: Command): Command {
  return (
    command
      .option('--api-key <key>', "the worker's API key; better given as WARP_API_KEY, where no other user sees it")
      .option('--worker-id <id>', 'the name of this worker (required here or in the config file)')
      .option('--config-file <path>', 'a YAML file; flags beat what it says')
      .addOption(
        new Option('--backend <name>', `how tasks are executed: ${backendNames.join(', ')}`).argParser(parseBackend),
      )
      .addOption(new Option('--log-level <level>', 'how much to log').choices(logLevels).default('info'))
      .option('--target-dir <path>', 'run all tasks in this folder instead of workspaces of their own (direct only)')
      .option('--no-cleanup', 'keep the workspaces of tasks that have ended')
      .addOption(manyOption('-v, --volumes <volume>', 'a volume for task containers (docker only; may be repeated)'))
      .addOption(manyOption('-e, --env <entry>', 'KEY=VALUE, or KEY to pass it through (may be repeated)'))
      .option('--max-concurrent-tasks <n>', 'how many tasks to run at once, 0 = unlimited', parseInteger)
      .option('--idle-on-complete <duration>', 'how long an agent waits for a follow-up after a task, such as 45m')
      .option('--state-dir <path>', 'where the daemon writes down what it owns')
      .addOption(
        new Option('--on-shutdown <mode>', 'what becomes of running tasks when the daemon stops').choices(
          onShutdownChoices,
        ),
      )
      .option('--task-timeout <duration>', 'how long a task may take, such as 2h; 0 = no limit')
      .option('--health-port <port>', 'serve /livez and /readyz on this port of 127.0.0.1, or on address:port')
      .option('--once', 'run one task, then end')
      .addOption(new Option('--web-socket-url <url>').hideHelp())
      .option('--server-root-url <url>', 'the server; WARP_SERVER_ROOT_URL says the same')
      .addOption(new Option('--session-sharing-server-url <url>').hideHelp())
      .version(`oz-agent-worker ${version}`, '-V, --version', 'show the version')
      .helpOption('-h, --help', 'show this help')
      .allowExcessArguments(false)
      .exitOverride()
      // What is wrong is printed by the caller, once.
      .configureOutput({ outputError: () => undefined })
  );
}

/** Empty is no backend: the config file names it. */
function parseBackend(value: string): string {
  if (value === '' || backendNames.some((name) => name === value)) return value;
  throw new InvalidArgumentError(`Allowed choices are ${backendNames.join(', ')}.`);
}

function manyOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(splitMany).default([], 'none');
}

/** Commas separate entries, unless a backslash stands before one. */
function splitMany(value: string, before: string[]): string[] {
  const entries = value.split(/(?<!\\),/).map((entry) => entry.replaceAll('\\,', ','));
  return [...before, ...entries];
}

function parseInteger(value: string): number {
  return /^[+-]?\d+$/.test(value) ? Number(value) : NaN;
}
