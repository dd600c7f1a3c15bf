import type { RawData, WebSocket } from 'ws';
import { z } from 'zod';
import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { workerMessageSchema, type ServerMessage, type WorkerMessage } from '../../protocol/worker-link.ts';
import type { Runs } from '../runs/runs.ts';
import type { LinkedWorker } from '../runs/worker-link.ts';
import type { WorkerIdentity } from '../store/executions.ts';
import { Inbox } from './inbox.ts';
import { watchLiveness } from './liveness.ts';

export interface WorkerSocketOptions {
  socket: WebSocket;
  worker: WorkerIdentity;
  link: Runs['link'];
  clock: Clock;
  log: Logger;
  random: () => number;
}

/** One connected worker. */
export interface WorkerSocket {
  worker: WorkerIdentity;
  connectedAt: number;
  lastSeenAt: () => number;
  /** Resolves when the connection is closed and everything that came over it has been handled. */
  closed: Promise<void>;
  close(): void;
  terminate(): void;
}

/** The WebSocket close code of a server that goes away. */
const goingAway = 1001;
const internalError = 1011;

export function openWorkerSocket({ socket, worker, link, clock, log, random }: WorkerSocketOptions): WorkerSocket {
  const liveness = watchLiveness(clock, { ping: () => socket.ping(), silent: () => socket.terminate() }, random);
  const connection = {
    ...worker,
    openedAt: clock.now(),
    lastSeenAt: liveness.lastSeenAt,
    send: (message: ServerMessage) => socket.send(JSON.stringify(message)),
  };
  const linked = link.open(connection);
  const inbox = new Inbox({
    link: linked,
    console: link.console(connection),
    clock,
    log,
    givingUp: link.givingUp,
    send: connection.send,
    pause: () => socket.pause(),
    resume: () => socket.isPaused && socket.resume(),
  });
  socket.on('ping', liveness.seen).on('pong', liveness.seen);
  socket.on('message', (data) => {
    liveness.seen();
    const message = parse(data, worker, log);
    if (message) inbox.put(message);
  });
  // A broken connection is closed right after; there is nothing else to do about it.
  socket.on('error', (error) => log.debug({ err: error, worker: worker.workerId }, 'A worker’s connection broke.'));
  linked.catch((error: unknown) => {
    log.error({ err: error, worker: worker.workerId }, 'A worker could not be linked; its connection is closed.');
    socket.close(internalError);
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      liveness.stop();
      resolve(unlink(linked, inbox, log));
    });
  });
  return {
    worker,
    connectedAt: connection.openedAt,
    lastSeenAt: liveness.lastSeenAt,
    closed,
    close: () => socket.close(goingAway, 'The server stops.'),
    terminate: () => socket.terminate(),
  };
}

async function unlink(linked: Promise<LinkedWorker>, inbox: Inbox, log: Logger): Promise<void> {
  try {
    await inbox.idle();
    await (await linked).close();
  } catch (error) {
    log.error({ err: error }, 'What ended with a worker’s connection could not be noted.');
  }
}

const typeSchema = z.looseObject({ type: z.string() });
const knownTypes: ReadonlySet<string> = new Set(workerMessageSchema.options.map((option) => option.shape.type.value));

/** A message that cannot be understood is dropped with a reason; one bad message must not cost the tasks of a daemon. */
function parse(data: RawData, { workerId }: WorkerIdentity, log: Logger): WorkerMessage | undefined {
  const json = parseJson(data);
  const type = typeSchema.safeParse(json).data?.type;
  if (type !== undefined && !knownTypes.has(type)) {
    log.debug({ worker: workerId, type }, 'A message of an unknown type was ignored.');
    return undefined;
  }
  const parsed = workerMessageSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  log.warn({ worker: workerId, type, reason: z.prettifyError(parsed.error) }, 'A malformed message was dropped.');
  return undefined;
}

function parseJson(data: RawData): unknown {
  try {
    return JSON.parse(textOf(data));
  } catch {
    // Not JSON: the schema refuses it, with the reason that is logged.
    return undefined;
  }
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return (data instanceof ArrayBuffer ? Buffer.from(data) : data).toString();
}
