import { join } from 'node:path';
import { aborted } from '../common/aborted.ts';
import type { Clock } from '../common/clock.ts';
import { exitCodes } from '../common/exit-codes.ts';
import type { Logger } from '../common/logger.ts';
import { version } from '../common/version.ts';
import type { ServerMessage, Welcome } from '../protocol/worker-link.ts';
import type { Backend } from './backends/backend.ts';
import type { WorkerConfig } from './config/config.ts';
import { createConnection, type Connection } from './connection/connection.ts';
import { createConsoleHub, type ConsoleHub } from './console/console-hub.ts';
import type { Journal } from './journal/journal.ts';
import type { TaskEntry } from './journal/task-entry.ts';
import type { WorkerObserver } from './observer.ts';
import { shutDown } from './shutdown.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';
import { deliverUnsent } from './unsent/deliver-unsent.ts';

export interface ServeOptions {
  config: WorkerConfig;
  /** The process's own environment. */
  host: Readonly<Record<string, string | undefined>>;
  backend: Backend;
  journal: Journal;
  observer: WorkerObserver;
  stop: AbortSignal;
  cancel: AbortController;
  hurry: AbortController;
  clock: Clock;
  log: Logger;
}

/**
 * How long the server may be there and take nothing of an ended task's console, in milliseconds: longer than its database
 * needs to come back. Nobody waits for it but the task's last word.
 */
const consoleLimit = 120_000;
/** How often the server's last word is written down, for the clock by which fenced tasks end. In milliseconds. */
const contactPeriod = 5_000;

/** Takes tasks until it is asked to stop, then ends as the configuration says. Resolves with the exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  const { config, stop, cancel, log } = options;
  if (config.onShutdown === 'cancel') stop.addEventListener('abort', () => cancel.abort());
  const parts = putTogether(options);
  const { connection, supervisor } = parts;
  const stopNoting = noteContacts(parts, options);
  let mode = config.onShutdown;
  try {
    const ended = await Promise.race([
      connection.run().then(() => 'asked' as const),
      aborted(stop).then(() => 'asked' as const),
      supervisor.once,
    ]);
    if (ended === 'asked') return config.once ? exitCodes.failure : exitCodes.success;
    return ended ? exitCodes.success : exitCodes.failure;
  } catch (error) {
    // The key is refused: nothing can be said or taken any more, and what runs is no worse for it.
    mode = 'detach';
    throw error;
  } finally {
    if (stop.aborted) log.info('Shutting down');
    stopNoting();
    await shutDown(mode, { ...options, ...parts, cancel: cancel.signal });
    if (stop.aborted) log.info('Shut down');
  }
}

interface Parts {
  connection: Connection;
  console: ConsoleHub;
  supervisor: Supervisor;
}

function putTogether(options: ServeOptions): Parts {
  const { config, host, backend, journal, observer, clock, log } = options;
  const startedAt = clock.now();
  const connection: Connection = createConnection({
    url: config.webSocketUrl,
    workerId: config.workerId,
    apiKey: config.apiKey,
    host,
    clock,
    log,
    observer,
    hello: () => ({
      instance_id: journal.instanceId,
      version,
      backend: 'direct',
      ...supervisor.capacity(),
      executions: supervisor.executions(),
    }),
    onWelcome: (welcome) => greet(welcome, supervisor, console),
    onMessage: (message) => receive(message, supervisor, console),
  });
  const console = createConsoleHub({
    send: (message) => connection.trySend(message),
    isWanted: () => connection.protocol() !== 'stock',
    isConnected: () => connection.isOpen(),
    clock,
    log,
  });
  const { workerId, maxConcurrentTasks, accept, taskTimeout } = config;
  const supervisor = createSupervisor({
    workerId,
    maxConcurrentTasks,
    accept,
    taskTimeout,
    takesOne: config.once,
    backend,
    journal,
    console,
    consoleLimit,
    send: (message) => connection.send(message),
    lastContact: () => connection.lastContact() ?? journal.lastContact ?? startedAt,
    deliverUnsent: (entry) => deliverUnsentOf(entry, connection, options),
    onCapacity: (capacity) => connection.announce(capacity),
    observer,
    clock,
    log,
  });
  return { connection, console, supervisor };
}

function greet({ executions, ...rest }: Welcome, supervisor: Supervisor, console: ConsoleHub): void {
  const own = new Set(supervisor.executions().map(({ execution_id }) => execution_id));
  for (const { execution_id, console: offsets } of executions) {
    if (own.has(execution_id)) console.resume(execution_id, offsets);
  }
  supervisor.welcome({ executions, ...rest });
}

function receive(message: ServerMessage, supervisor: Supervisor, console: ConsoleHub): void {
  switch (message.type) {
    case 'task_assignment':
      return supervisor.assign(message.data);
    case 'task_cancellation':
      return supervisor.cancel(message.data);
    case 'task_idle':
      return supervisor.setIdle(message.data, true);
    case 'task_resumed':
      return supervisor.setIdle(message.data, false);
    case 'leave_idle':
      return supervisor.leaveIdle(message.data);
    case 'console_ack':
      return console.acknowledge(message.data);
    case 'welcome':
    case 'ack':
      // The connection's own.
      return;
  }
}

async function deliverUnsentOf(
  entry: TaskEntry,
  connection: Connection,
  { config, clock, log }: ServeOptions,
): Promise<void> {
  const { task_id, env_vars: variables } = entry.get().assignment;
  const token = variables?.['WARP_API_KEY'];
  // Without its token nothing can be said in its name.
  if (token === undefined) return;
  await deliverUnsent({
    folder: join(entry.folder, 'own'),
    runId: task_id,
    rootUrl: config.server.rootUrl,
    token,
    isConnected: () => connection.isOpen(),
    clock,
    log,
    // The process's end is the only thing that ends the attempts: the next daemon makes them again.
    signal: new AbortController().signal,
  });
}

/** Writes down when the server last spoke, while there are tasks that this matters to. */
function noteContacts({ connection, supervisor }: Parts, { journal, clock, log }: ServeOptions): () => void {
  let cancel = () => undefined as void;
  let noted: number | undefined;
  const note = () => {
    cancel = clock.after(contactPeriod, note);
    const contact = connection.lastContact();
    if (contact === undefined || contact === noted || supervisor.running() === 0) return;
    noted = contact;
    journal.noteContact(contact).catch((err: unknown) => log.warn({ err }, 'The state folder cannot be written to'));
  };
  note();
  return () => cancel();
}
