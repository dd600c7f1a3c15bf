import { randomUUID } from 'node:crypto';
import { CommanderError } from 'commander';
import { aborted } from '../common/aborted.ts';
import { systemClock, type Clock } from '../common/clock.ts';
import { exitCodes } from '../common/exit-codes.ts';
import { createLogger, type Logger } from '../common/logger.ts';
import { version } from '../common/version.ts';
import { CodedError } from '../protocol/errors.ts';
import type { ServerMessage, TaskMessage } from '../protocol/worker-link.ts';
import { resolveConfig, type WorkerConfig } from './config/config.ts';
import { parseFlags } from './config/flags.ts';
import { createConnection, type Connection } from './connection/connection.ts';
import { KeyRefusedError } from './connection/dial.ts';
import { createConsoleHub, type ConsoleHub } from './console/console-hub.ts';
import { runDoctor } from './doctor/doctor.ts';
import type { WorkerObserver } from './observer.ts';
import { openDirectBackend, type OpenBackend } from './open-backend.ts';
import { openObservers } from './open-observers.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

export interface WorkerProcess {
  args: readonly string[];
  /** The process's own environment. */
  host: Readonly<Record<string, string | undefined>>;
  /** The `oz` that came with this daemon. */
  ozBeside: string;
  /** Aborted to end the daemon in good order. */
  stop: AbortSignal;
  /** Aborted when that takes too long: whatever still runs is killed. */
  hurry: AbortController;
  /** Writes a line for the person who started the daemon. */
  complain: (line: string) => void;
}

/** How long a task has between SIGTERM and SIGKILL. All limits are in milliseconds. */
const grace = 10_000;
const teardownLimit = 5 * 60_000;
const consoleLimit = 15_000;
/** How long tasks and their teardowns may take once the daemon is to stop. */
const shutdownLimit = 60_000;
/** How long the last messages may take. */
const farewellLimit = 2_000;

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
    const backend = await openDirectBackend({
      config,
      ...worker,
      hurry: worker.hurry.signal,
      grace,
      teardownLimit,
      clock: systemClock,
      log,
    });
    try {
      const observers = await openObservers({ config, host: worker.host, clock: systemClock, log });
      try {
        return await serve(config, worker, { backend, observer: observers.observer, clock: systemClock, log });
      } finally {
        await observers.close();
      }
    } finally {
      await backend.close();
    }
  } catch (error) {
    return explain(error, worker);
  }
}

function examine(worker: WorkerProcess): Promise<number> {
  const print = (text: string) => void process.stdout.write(text);
  return runDoctor({ ...worker, args: worker.args.slice(1), print, isTerminal: process.stdout.isTTY });
}

interface Parts {
  backend: OpenBackend;
  observer: WorkerObserver;
  clock: Clock;
  log: Logger;
}

async function serve(config: WorkerConfig, worker: WorkerProcess, parts: Parts): Promise<number> {
  const { backend, observer, clock, log } = parts;
  const { workerId, maxConcurrentTasks } = config;
  const instanceId = randomUUID();
  const connection: Connection = createConnection({
    url: config.webSocketUrl,
    workerId: config.workerId,
    apiKey: config.apiKey,
    host: worker.host,
    clock,
    log,
    observer,
    hello: () => ({
      instance_id: instanceId,
      version,
      backend: 'direct',
      max_concurrent_tasks: Number.isFinite(maxConcurrentTasks) ? maxConcurrentTasks : null,
      draining: false,
      executions: supervisor.executions(),
    }),
    onWelcome: ({ executions }) =>
      executions.forEach(({ execution_id, console: offsets }) => console.resume(execution_id, offsets)),
    onMessage: (message) => receive(message, supervisor, console),
  });
  const console = createConsoleHub({
    send: (message) => connection.trySend(message),
    isWanted: () => connection.protocol() !== 'stock',
    isConnected: () => connection.isOpen(),
    clock,
    log,
  });
  const send = (message: TaskMessage) => void connection.send(message);
  const supervisor = createSupervisor({ workerId, maxConcurrentTasks, backend, console, consoleLimit, send, log });
  try {
    await Promise.race([connection.run(), aborted(worker.stop)]);
    return exitCodes.success;
  } finally {
    if (worker.stop.aborted) log.info('Shutting down');
    const cancel = clock.after(shutdownLimit, () => worker.hurry.abort());
    console.hurry();
    await supervisor.shutDown();
    cancel();
    await connection.close(farewellLimit);
    if (worker.stop.aborted) log.info('Shut down');
  }
}

function receive(message: ServerMessage, supervisor: Supervisor, console: ConsoleHub): void {
  if (message.type === 'task_assignment') supervisor.assign(message.data);
  else if (message.type === 'task_cancellation') supervisor.cancel(message.data.task_id);
  else if (message.type === 'console_ack') console.acknowledge(message.data);
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
