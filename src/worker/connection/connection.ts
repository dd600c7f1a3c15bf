import { createBackoff } from '../../common/backoff.ts';
import { sleep, type Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { rootReason } from '../../common/root-reason.ts';
import type {
  Capacity,
  Hello,
  ServerMessage,
  TaskMessage,
  Welcome,
  WorkerMessage,
} from '../../protocol/worker-link.ts';
import { createAnnouncer } from './announcer.ts';
import { dial, KeyRefusedError, type Dialled, type DialOptions } from './dial.ts';
import { createOutbox } from './outbox.ts';
import { startSession, type Session } from './session.ts';

/**
 * The worker's line to the server, dialled again whenever it breaks.
 *
 * ```
 * dialling ──→ greeting (v2) ──→ open ──→ (closed) ──→ waiting ──→ dialling
 *    └── refused for good: `run` rejects     └── `close`: `run` resolves
 * ```
 */
export interface Connection {
  /**
   * Stays connected until `close`, or rejects with a `KeyRefusedError`, also when a key that was good is withdrawn. What
   * runs by then is no worse for it, and what was to be said of it is kept by who said it.
   */
  run(): Promise<void>;
  /**
   * Says something of a task. Resolves when the server has acknowledged it (a stock server: when the socket took it), and
   * says it again on each new connection until then, in its order. It is kept in memory alone, and never rejects.
   */
  send(message: TaskMessage): Promise<void>;
  /** Sends now or not at all: false when there is no line, none that takes it, or one that has enough to carry. */
  trySend(message: ConsoleMessage): boolean;
  /** Says what room there is, where that differs from what was said last. A new connection's `hello` says it by itself. */
  announce(capacity: Capacity): void;
  /** What the server spoke last; undefined before the first connection. */
  protocol(): 'v2' | 'stock' | undefined;
  /** Whether both sides may speak now. */
  isOpen(): boolean;
  /**
   * When this daemon sent what the server last answered: the server has heard nothing of it since then, as far as this
   * daemon can know. Undefined before the first answer.
   */
  lastContact(): number | undefined;
  /** Sends what is queued, as far as that goes within `limit` milliseconds, and hangs up. */
  close(limit: number): Promise<void>;
}

export interface ConnectionOptions extends Omit<DialOptions, 'signal'> {
  clock: Clock;
  log: Logger;
  observer: LinkObserver;
  /** What this daemon has at this moment; said first on each connection of the second protocol. */
  hello(): Hello;
  /** Called before anything else that this connection brings, and before what is queued is said on it. */
  onWelcome(welcome: Welcome): void;
  /** `welcome` and `ack` apart. */
  onMessage(message: ServerMessage): void;
}

/** Of the worker's observer, what the link tells it. */
export interface LinkObserver {
  connected(): void;
  disconnected(reason: 'dial_failed' | 'remote_close'): void;
  heard(): void;
}

type ConsoleMessage = Extract<WorkerMessage, { type: 'console' }>;

const firstDelay = 1_000;
const maxDelay = 60_000;
/** A connection that held this long was a good one: the next delay is the first again. */
const goodConnection = 5_000;

export function createConnection(options: ConnectionOptions): Connection {
  const { clock, log, observer } = options;
  const closing = new AbortController();
  const outbox = createOutbox();
  const announcer = createAnnouncer();
  const backoff = createBackoff({ first: firstDelay, max: maxDelay });
  let current: Session | undefined;
  /** The current one, once both sides may speak on it. */
  let open: Session | undefined;
  let protocol: 'v2' | 'stock' | undefined;
  let lastContact: number | undefined;

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
      log.info('Successfully connected to server');
      return await converse(dialled);
    } catch (error) {
      if (!closing.signal.aborted) observer.disconnected('dial_failed');
      if (error instanceof KeyRefusedError) throw error;
      return `Failed to connect: ${rootReason(error)}`;
    }
  }

  async function converse(dialled: Dialled): Promise<string> {
    const began = clock.now();
    current = startSession({
      dialled,
      clock,
      log,
      hello: () => announcer.said(options.hello()),
      onHeard: () => observer.heard(),
      onAnswered: (sentAt) => void (lastContact = sentAt),
      onOpen,
      onMessage: receive,
    });
    const code = await current.over;
    if (!closing.signal.aborted) observer.disconnected(open ? 'remote_close' : 'dial_failed');
    if (open && clock.now() - began >= goodConnection) backoff.reset();
    current = open = undefined;
    outbox.detach();
    announcer.detach();
    return `Connection lost (${code})`;
  }

  function onOpen(session: Session, welcome: Welcome | undefined): void {
    open = session;
    protocol = session.isV2 ? 'v2' : 'stock';
    observer.connected();
    log.info('Connected to Oz');
    log.info('Listening for tasks');
    if (welcome) options.onWelcome(welcome);
    outbox.attach(session);
    announcer.attach(session);
  }

  function receive(message: ServerMessage): void {
    if (message.type === 'ack') outbox.acknowledge(message.data.message_id);
    else if (message.type !== 'welcome') options.onMessage(message);
  }

  return {
    run,
    send: (message) => outbox.add(message),
    trySend(message) {
      if (!open?.isV2 || !open.isRoomy()) return false;
      open.send(message);
      return true;
    },
    announce: (capacity) => announcer.announce(capacity),
    protocol: () => protocol,
    isOpen: () => open !== undefined,
    lastContact: () => lastContact,
    async close(limit) {
      const patience = sleep(clock, limit);
      if (open !== undefined) await Promise.race([outbox.emptied(), patience]);
      closing.abort();
      await current?.hangUp();
    },
  };
}
