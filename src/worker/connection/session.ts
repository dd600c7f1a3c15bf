import { WebSocket, type RawData } from 'ws';
import { repeat, type Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import type { Hello, ServerMessage, Welcome, WorkerMessage } from '../../protocol/worker-link.ts';
import type { Dialled } from './dial.ts';
import { ping, pingTime, startHeartbeat } from './heartbeat.ts';
import { readServerMessage } from './server-message.ts';

/**
 * One connection, from its handshake to its end.
 *
 * ```
 * v2      greeting ──welcome──→ open ──→ over
 * stock   open ──→ over
 * ```
 */
export interface Session {
  readonly isV2: boolean;
  /** Resolves with the code of its close. */
  readonly over: Promise<number | undefined>;
  /** `onTaken` learns whether the socket has taken it: no more than that. */
  send(message: WorkerMessage, onTaken?: (error?: Error | null) => void): void;
  /** Whether what is sent now would not have to wait behind much else. */
  isRoomy(): boolean;
  /** Says goodbye; resolves when the connection is closed, by force if need be. */
  hangUp(): Promise<void>;
}

export interface SessionOptions {
  dialled: Dialled;
  clock: Clock;
  log: Logger;
  hello(): Hello;
  /** Something real has come from the server. */
  onHeard(): void;
  /** The server has answered what was sent at this time: that it spoke does not say that it hears. */
  onAnswered(sentAt: number): void;
  /** Both sides may speak now; a stock server has no welcome. */
  onOpen(session: Session, welcome: Welcome | undefined): void;
  /** Called only while it is open. */
  onMessage(message: ServerMessage): void;
}

/** How long the server has to answer a hello, in milliseconds. */
const welcomeLimit = 30_000;
/** How long the server has to answer a close, in milliseconds. */
const closeLimit = 1_000;
/** Bytes that may wait in the socket while it counts as roomy: what a message to the server may have to wait behind. */
const maxWaiting = 256 * 1024;
/** A lease is renewed this often while it lasts. */
const renewalsPerLease = 3;
/** Whatever the server says of its lease, in milliseconds. */
const shortestRenewal = 1_000;

export function startSession(options: SessionOptions): Session {
  const { dialled, clock, log } = options;
  const { socket, isV2 } = dialled;
  const session: Session = {
    isV2,
    over: closeOf(socket),
    send: (message, onTaken) => socket.send(toText(message, isV2), onTaken),
    isRoomy: () => socket.readyState === WebSocket.OPEN && socket.bufferedAmount <= maxWaiting,
    hangUp: () => hangUp(socket, clock),
  };
  const awaitWelcome = () =>
    clock.after(welcomeLimit, () => {
      log.warn('The server does not answer the hello');
      socket.terminate();
    });
  let isOpen = false;
  let cancelTimer = isV2 ? awaitWelcome() : () => undefined as void;
  const greetedAt = clock.now();
  const renewLease = (period: number) =>
    repeat(clock, period, () => {
      session.send({ type: 'heartbeat', data: {} });
      ping(socket, clock);
    });
  const open = (welcome?: Welcome) => {
    isOpen = true;
    cancelTimer();
    if (welcome) {
      options.onAnswered(greetedAt);
      cancelTimer = renewLease(renewalOf(welcome));
    }
    options.onOpen(session, welcome);
  };
  const receive = (message: ServerMessage) => {
    if (isOpen) options.onMessage(message);
    else if (message.type === 'welcome') open(message.data);
    else log.warn({ type: message.type }, 'The server spoke before its welcome; that was passed over');
  };

  socket.on('pong', (data) => {
    options.onHeard();
    const sentAt = pingTime(data);
    if (sentAt !== undefined) options.onAnswered(sentAt);
  });
  socket.on('message', (data) => {
    // What still comes over a connection that was given up is said again on the next one.
    if (socket.readyState !== WebSocket.OPEN) return;
    options.onHeard();
    const message = readServerMessage(toBuffer(data).toString(), log);
    if (message) receive(message);
  });
  socket.once('close', () => cancelTimer());
  startHeartbeat(socket, clock);
  if (isV2) session.send({ type: 'hello', data: options.hello() });
  else open();
  socket.resume();
  return session;
}

function renewalOf({ lease_seconds }: Welcome): number {
  return Math.max((lease_seconds * 1_000) / renewalsPerLease, shortestRenewal);
}

/** A stock server's messages name no execution. */
function toText(message: WorkerMessage, isV2: boolean): string {
  return JSON.stringify(message, (key, value: unknown) => (key === 'execution_id' && !isV2 ? undefined : value));
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** Resolves with the code of the socket's close, which comes after every error too. */
function closeOf(socket: WebSocket): Promise<number | undefined> {
  if (socket.readyState === WebSocket.CLOSED) return Promise.resolve(undefined);
  return new Promise((resolve) => socket.once('close', resolve));
}

async function hangUp(socket: WebSocket, clock: Clock): Promise<void> {
  const closed = closeOf(socket);
  const cancel = clock.after(closeLimit, () => socket.terminate());
  socket.close(1000);
  await closed;
  cancel();
}
