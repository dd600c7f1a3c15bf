import type { WebSocket } from 'ws';
import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { workerLinkV2, type WorkerMessage } from '../../protocol/worker-link.ts';
import type { Runs } from '../runs/runs.ts';
import type { WorkerConnection } from '../runs/seat.ts';
import type { LinkedWorker } from '../runs/worker-link.ts';
import type { WorkerIdentity } from '../store/executions.ts';
import { awaitGreeting, NotGreeted, type Greeting } from './greeting.ts';
import { Inbox } from './inbox.ts';
import { watchLiveness } from './liveness.ts';
import { parseMessage, type Parsed } from './parse-message.ts';

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

/** WebSocket close codes: of a server that goes away, of a daemon that breaks the protocol, of our own failure. */
const goingAway = 1001;
const policyViolation = 1008;
const internalError = 1011;

/** Bytes said to a daemon that it has not taken, at most; in small messages they take ten times as much memory. */
const mostUntaken = 16 * 1024 * 1024;

export function openWorkerSocket({ socket, worker, link, clock, log, random }: WorkerSocketOptions): WorkerSocket {
  const liveness = watchLiveness(clock, { ping: () => socket.ping(), silent: () => socket.terminate() }, random);
  const connection: WorkerConnection = {
    ...worker,
    openedAt: clock.now(),
    lastSeenAt: liveness.lastSeenAt,
    send: (message) => socket.send(JSON.stringify(message)),
    supersede: () => socket.close(1000, 'Superseded by a newer connection.'),
  };
  const greeting = socket.protocol === workerLinkV2 ? awaitGreeting(clock) : undefined;
  const linked = greeting ? greeting.hello.then((hello) => link.greet(connection, hello)) : link.open(connection);
  const inbox = new Inbox({
    link: linked,
    console: link.console(connection),
    clock,
    log,
    givingUp: link.givingUp,
    send: (message) => connection.send(message),
    pause: () => socket.pause(),
    resume: () => socket.isPaused && socket.resume(),
  });
  const hear = createHearing({ worker, greeting, linked, inbox, log });
  const seen = () => {
    liveness.seen();
    // It asks for answers and takes none: they would pile up without end.
    if (socket.bufferedAmount > mostUntaken) socket.terminate();
  };
  socket.on('ping', seen).on('pong', seen);
  socket.on('message', (data) => {
    seen();
    hear(parseMessage(data));
  });
  // A broken connection is closed right after; there is nothing else to do about it.
  socket.on('error', (error) => log.debug({ err: error, worker: worker.workerId }, 'A worker’s connection broke.'));
  linked.catch((error: unknown) => {
    if (error instanceof NotGreeted) {
      const what = 'A worker that does not begin as this version of the protocol wants is turned away: upgrade it.';
      if (socket.readyState === socket.OPEN) log.warn({ worker: worker.workerId, reason: error.message }, what);
      return socket.close(policyViolation, error.message);
    }
    log.error({ err: error, worker: worker.workerId }, 'A worker could not be linked; its connection is closed.');
    socket.close(internalError);
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      liveness.stop();
      if (greeting?.isOver() === false) greeting.giveUp('The connection ended before a hello.');
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

interface Hearing {
  worker: WorkerIdentity;
  greeting: Greeting | undefined;
  linked: Promise<LinkedWorker>;
  inbox: Inbox;
  log: Logger;
}

/**
 * What cannot be understood is dropped with a reason, and acknowledged where it is numbered, or it would come for ever:
 * one bad message must not cost the tasks of a daemon.
 */
function createHearing({ worker: { workerId }, greeting, linked, inbox, log }: Hearing): (parsed: Parsed) => void {
  function understood(message: WorkerMessage): void {
    if (message.type === 'hello') {
      if (!greeting?.say(message.data)) log.warn({ worker: workerId }, 'A hello that was not awaited was ignored.');
    } else if (greeting?.isOver() === false) {
      greeting.giveUp('The first message must be hello.');
    } else if (message.type === 'capacity') {
      // A link that fails closes the connection, and is logged there.
      linked.then((link) => link.announce(message.data)).catch(() => undefined);
    } else if (message.type !== 'heartbeat') {
      inbox.put(message);
    }
  }

  return (parsed) => {
    if ('message' in parsed) return understood(parsed.message);
    const { message_id, ...what } = parsed;
    if ('reason' in what) log.warn({ worker: workerId, ...what }, 'A malformed message was dropped.');
    else log.debug({ worker: workerId, type: what.unknownType }, 'A message of an unknown type was ignored.');
    if (greeting?.isOver() === false) greeting.giveUp('The first message must be hello.');
    else inbox.acknowledge(message_id);
  };
}

async function unlink(linked: Promise<LinkedWorker>, inbox: Inbox, log: Logger): Promise<void> {
  try {
    await inbox.idle();
    await (await linked).close();
  } catch (error) {
    if (error instanceof NotGreeted) return;
    log.error({ err: error }, 'What ended with a worker’s connection could not be noted.');
  }
}
