import { WebSocket, type RawData } from 'ws';
import { createBackoff } from '../../common/backoff.ts';
import { sleep, type Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { rootReason } from '../../common/root-reason.ts';
import type { ServerMessage, WorkerMessage } from '../../protocol/worker-link.ts';
import { dial, KeyRefusedError, type Dialled, type DialOptions } from './dial.ts';
import { startHeartbeat } from './heartbeat.ts';
import { createOutbox, toText } from './outbox.ts';
import { readServerMessage } from './server-message.ts';

/**
 * The worker's line to the server, dialled again whenever it breaks.
 *
 * ```
 * dialling ──→ open ──→ (closed) ──→ waiting ──→ dialling
 *    └── refused for good: `run` rejects     └── `close`: `run` resolves
 * ```
 */
export interface Connection {
  /** Stays connected until `close`, or rejects with a `KeyRefusedError`. */
  run(): Promise<void>;
  /** Queues a message; it survives a disconnect. */
  send(message: WorkerMessage): void;
  /** Sends now or not at all: false when there is no line, none that takes it, or one that has enough to carry. */
  trySend(message: WorkerMessage): boolean;
  /** Whether the server speaks our extension, as of the last connection. */
  isV2(): boolean;
  /** Sends what is queued, as far as that goes within `limit` milliseconds, and hangs up. */
  close(limit: number): Promise<void>;
}

export interface ConnectionOptions extends Omit<DialOptions, 'signal'> {
  clock: Clock;
  log: Logger;
  onOpen(isV2: boolean): void;
  onMessage(message: ServerMessage): void;
}

const firstDelay = 1_000;
const maxDelay = 60_000;
/** A connection that held this long was a good one: the next delay is the first again. */
const goodConnection = 5_000;
/** Bytes that may wait in the socket before `trySend` says no: what a message to the server may have to wait behind. */
const maxWaiting = 256 * 1024;

export function createConnection(options: ConnectionOptions): Connection {
  const { clock, log } = options;
  const closing = new AbortController();
  const outbox = createOutbox();
  const backoff = createBackoff({ first: firstDelay, max: maxDelay });
  let open: Dialled | undefined;
  let isV2 = false;

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const failure = await connectOnce();
      if (closing.signal.aborted) return;
      const delay = backoff.next();
      log.warn(`${failure}, retrying in ${Math.ceil(delay / 1000)}s`);
      // Closing ends the wait.
      await sleep(clock, delay, closing.signal).catch(() => undefined);
    }
  }

  /** Resolves when the connection is over, with what ended it. */
  async function connectOnce(): Promise<string> {
    log.info(`Connecting to ${options.url}`);
    try {
      const dialled = await dial({ ...options, signal: closing.signal });
      return await converse(dialled);
    } catch (error) {
      if (error instanceof KeyRefusedError) throw error;
      return `Failed to connect: ${rootReason(error)}`;
    }
  }

  async function converse(dialled: Dialled): Promise<string> {
    const closed = closeOf(dialled.socket);
    const began = clock.now();
    dialled.socket.on('message', (data) => receive(toBuffer(data).toString()));
    startHeartbeat(dialled.socket, clock);
    open = dialled;
    ({ isV2 } = dialled);
    log.info('Successfully connected to server');
    log.info('Connected to Oz');
    log.info('Listening for tasks');
    outbox.attach(dialled.socket, isV2);
    options.onOpen(isV2);
    dialled.socket.resume();
    const code = await closed;
    open = undefined;
    outbox.detach();
    if (clock.now() - began >= goodConnection) backoff.reset();
    return `Connection lost (${code})`;
  }

  function receive(text: string): void {
    const message = readServerMessage(text, log);
    if (message !== undefined) options.onMessage(message);
  }

  return {
    run,
    send: (message) => outbox.add(message),
    trySend(message) {
      if (!open?.isV2 || open.socket.readyState !== WebSocket.OPEN || open.socket.bufferedAmount > maxWaiting)
        return false;
      open.socket.send(toText(message, true));
      return true;
    },
    isV2: () => isV2,
    async close(limit) {
      const patience = sleep(clock, limit);
      if (open !== undefined) await Promise.race([outbox.emptied(), patience]);
      closing.abort();
      if (open !== undefined) await hangUp(open.socket, clock);
    },
  };
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

/** How long the server has to answer a close, in milliseconds. */
const closeLimit = 1_000;

async function hangUp(socket: WebSocket, clock: Clock): Promise<void> {
  const closed = closeOf(socket);
  const cancel = clock.after(closeLimit, () => socket.terminate());
  socket.close(1000);
  await closed;
  cancel();
}
