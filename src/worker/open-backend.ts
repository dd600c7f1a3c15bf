import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { openContainments } from '../process/containments.ts';
import { createProcessTable } from '../process/process-table.ts';
import { CodedError } from '../protocol/errors.ts';
import type { Backend } from './backends/backend.ts';
import { createDirectBackend } from './backends/direct/direct-backend.ts';
import { openIsolation } from './backends/direct/isolation/open-isolation.ts';
import { findOz } from './backends/direct/oz-program.ts';
import type { WorkerConfig } from './config/config.ts';
import { garbageAge } from './journal/journal.ts';
import { removeKeptWorkspaces } from './workspace/kept-workspaces.ts';
import { checkPlaces } from './workspace/place.ts';

export interface OpenBackendOptions {
  config: WorkerConfig;
  host: Readonly<Record<string, string | undefined>>;
  /** The `oz` that came with this daemon. */
  ozBeside: string;
  configFile: string | undefined;
  programs: { folder: string; extension: string };
  hurry: AbortController;
  clock: Clock;
  log: Logger;
}

export interface PreparedBackend {
  /** Tries out what isolates tasks, in the folder that theirs will be made in. */
  open(tasksFolder: string): Promise<Backend>;
}

/** Checks all that tasks will need before it makes anything. */
export async function prepareDirectBackend(options: OpenBackendOptions): Promise<PreparedBackend> {
  const { config, host, hurry, clock, log } = options;
  const { direct, server, limits } = config;
  const { oz, version, isOurs } = await findOz({ configured: direct.ozPath, beside: options.ozBeside, host });
  log.info(`Tasks are executed by ${version || 'oz'} at ${[oz.program, ...oz.args].join(' ')}`);
  const { workspaceRoot, targetDir, cleanup, setupCommand, teardownCommand } = direct;
  const tools = { table: createProcessTable(), clock };
  const containments = await openContainments({ choice: direct.containment, limits }, tools).catch((error: Error) => {
    throw new CodedError('invalid_request', error.message);
  });
  containments.description.forEach((line) => log.info(line));
  await checkPlaces({ workspaceRoot, targetDir });
  if (cleanup && targetDir === undefined) void collectKept(workspaceRoot, options);
  const settings = {
    oz: { ...oz, isOurs },
    places: { workspaceRoot, targetDir, cleanup },
    environment: {
      host,
      apiKey: config.apiKey,
      serverRootUrl: server.isConfigured ? server.rootUrl : undefined,
      configured: direct.environment,
    },
    args: {
      serverRootUrl: server.rootUrl,
      idleOnComplete: config.idleOnComplete,
      sessionSharingServerUrl: config.sessionSharingServerUrl,
    },
    setupCommand,
    teardownCommand,
    limits,
    grace: config.killGrace,
    teardownLimit: direct.teardownTimeout,
    hurry: hurry.signal,
  };
  return {
    async open(stateFolder) {
      const isolation = await openIsolation({ ...options, oz, stateFolder });
      return createDirectBackend({ ...settings, isolation }, { ...tools, containments });
    },
  };
}

/** In the background: it may take its time, and nobody waits for it. */
async function collectKept(workspaceRoot: string, { clock, log }: OpenBackendOptions): Promise<void> {
  try {
    const names = await removeKeptWorkspaces(workspaceRoot, clock.now() - garbageAge);
    if (names.length > 0) log.info({ names }, 'Workspaces that had been moved aside long ago are removed');
  } catch (err) {
    log.warn({ err }, 'Workspaces that had been moved aside cannot be removed');
  }
}
