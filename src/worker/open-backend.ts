import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { createProcessTable } from '../process/process-table.ts';
import type { Backend } from './backends/backend.ts';
import { createDirectBackend } from './backends/direct/direct-backend.ts';
import { findOz } from './backends/direct/oz-program.ts';
import type { WorkerConfig } from './config/config.ts';
import { checkPlaces } from './workspace/place.ts';
import { createStateFolder } from './workspace/state-folder.ts';

export interface OpenBackend extends Backend {
  /** Removes what the daemon kept for itself; all tasks are over. */
  close(): Promise<void>;
}

export interface OpenBackendOptions {
  config: WorkerConfig;
  host: Readonly<Record<string, string | undefined>>;
  /** The `oz` that came with this daemon. */
  ozBeside: string;
  hurry: AbortSignal;
  grace: number;
  teardownLimit: number;
  clock: Clock;
  log: Logger;
}

/** Checks all that tasks will need before it makes anything. */
export async function openDirectBackend(options: OpenBackendOptions): Promise<OpenBackend> {
  const { config, host, hurry, grace, teardownLimit, clock, log } = options;
  const { direct, server } = config;
  const { oz, version } = await findOz({ configured: direct.ozPath, beside: options.ozBeside, host });
  log.info(`Tasks are executed by ${version || 'oz'} at ${[oz.program, ...oz.args].join(' ')}`);
  const { workspaceRoot, targetDir, cleanup, setupCommand, teardownCommand } = direct;
  await checkPlaces({ workspaceRoot, targetDir });
  const state = await createStateFolder(host);
  const settings = {
    oz,
    places: { workspaceRoot, targetDir, cleanup, stateFolder: state.path },
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
    grace,
    teardownLimit,
    hurry,
  };
  const backend = createDirectBackend(settings, { table: createProcessTable(), clock, log });
  return { ...backend, close: () => state.remove() };
}
