import { CommanderError } from 'commander';
import { systemClock } from '../common/clock.ts';
import { exitCodes } from '../common/exit-codes.ts';
import { createLogger } from '../common/logger.ts';
import { CodedError } from '../protocol/errors.ts';
import { resolveConfig } from './config/config.ts';
import { parseFlags } from './config/flags.ts';
import { KeyRefusedError } from './connection/dial.ts';
import { runDoctor } from './doctor/doctor.ts';
import type { Backend } from './backends/backend.ts';
import { openJournal, type Journal } from './journal/journal.ts';
import { prepareDirectBackend, type PreparedBackend } from './open-backend.ts';
import { openObservers } from './open-observers.ts';
import { serve } from './serve.ts';

export interface WorkerProcess {
  args: readonly string[];
  /** The process's own environment. */
  host: Readonly<Record<string, string | undefined>>;
  /** The `oz` that came with this daemon. */
  ozBeside: string;
  /** The folder of this program and its siblings, and the ending of their names. */
  programs: { folder: string; extension: string };
  /** Aborted to end the daemon in good order. */
  stop: AbortSignal;
  /** Aborted when its tasks are to end before it. */
  cancel: AbortController;
  /** Aborted when that takes too long: whatever still runs is killed. */
  hurry: AbortController;
  /** Writes a line for the person who started the daemon. */
  complain: (line: string) => void;
}

/** The whole life of the daemon. Resolves with its exit code, and has said in one line what was wrong. */
export async function runWorker(worker: WorkerProcess): Promise<number> {
  try {
    if (worker.args[0] === 'doctor') return await examine(worker);
    const flags = parseFlags(worker.args);
    const config = await resolveConfig(flags, worker.host);
    const log = createLogger({ name: 'oz-agent-worker', level: config.logLevel });
    if (flags.volumes.length > 0) log.warn('--volumes is of no use to the direct backend');
    if (flags.webSocketUrl && !config.server.isConfigured)
      log.warn(`Nothing but --web-socket-url is given: agents look for their server at ${config.server.rootUrl}`);
    const common = { config, host: worker.host, clock: systemClock, log };
    const prepared = await prepareDirectBackend({ ...common, ...worker, configFile: flags.configFile });
    const observers = await openObservers(common);
    try {
      const journal = await openJournal({ ...config, clock: systemClock, log });
      const backend = await openBackend(prepared, journal);
      return await serve({ ...common, ...worker, backend, journal, observer: observers.observer });
    } finally {
      await observers.close();
    }
  } catch (error) {
    return explain(error, worker);
  }
}

function examine(worker: WorkerProcess): Promise<number> {
  const print = (text: string) => void process.stdout.write(text);
  return runDoctor({
    ...worker,
    args: worker.args.slice(1),
    print,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  });
}

async function openBackend(prepared: PreparedBackend, journal: Journal): Promise<Backend> {
  try {
    return await prepared.open(journal.tasksFolder);
  } catch (error) {
    await journal.close();
    throw error;
  }
}

function explain(error: unknown, { complain }: WorkerProcess): number {
  if (error instanceof CommanderError) {
    // Help and version are no errors, and have been printed.
    if (error.exitCode === 0) return exitCodes.success;
    complain(error.message.replace(/^error: /, ''));
    return exitCodes.usage;
  }
  if (error instanceof KeyRefusedError) {
    complain(`The API key was refused: ${error.message}`);
    return exitCodes.refused;
  }
  complain(error instanceof Error ? error.message : String(error));
  return error instanceof CodedError && error.code === 'invalid_request' ? exitCodes.usage : exitCodes.failure;
}
