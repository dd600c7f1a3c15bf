import type { TaskMessage } from '../../protocol/worker-link.ts';
import type { Session } from './session.ts';

/**
 * What is to be said of tasks, in its order, each message kept until the server is known to have it: by its word in the
 * second protocol, and in the stock one, which has no such word, by the socket's taking it.
 */
export interface Outbox {
  /** Resolves when the server has it; it is said again on each connection until then. */
  add(message: TaskMessage): Promise<void>;
  /** Says on this connection from now on, first of all what the server is not known to have. */
  attach(session: Session): void;
  detach(): void;
  acknowledge(messageId: number): void;
  /** Resolves when nothing is waiting any more. */
  emptied(): Promise<void>;
}

interface Entry {
  readonly messageId: number;
  readonly message: TaskMessage;
  readonly delivered: () => void;
  /** On the connection that there is. */
  isSent: boolean;
}

export function createOutbox(): Outbox {
  /** By message id, in the order in which they were added: that of each task as well. */
  const entries = new Map<number, Entry>();
  let lastId = 0;
  let waiting: (() => void)[] = [];
  let session: Session | undefined;

  const settle = (messageId: number) => {
    entries.get(messageId)?.delivered();
    entries.delete(messageId);
    if (entries.size > 0) return;
    waiting.forEach((resolve) => resolve());
    waiting = [];
  };
  const say = (entry: Entry, on: Session) => {
    const { messageId, message } = entry;
    entry.isSent = true;
    if (on.isV2) on.send({ ...message, message_id: messageId });
    // A stock server knows no phases.
    else if (message.type === 'task_phase') settle(messageId);
    // One that the socket did not take is said again on the next connection.
    else on.send(message, (error) => error ?? settle(messageId));
  };
  const flush = (on: Session) => {
    for (const entry of entries.values()) if (!entry.isSent) say(entry, on);
  };
  return {
    add(message) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const messageId = ++lastId;
      entries.set(messageId, { messageId, message, delivered: resolve, isSent: false });
      if (session) flush(session);
      return promise;
    },
    attach(opened) {
      session = opened;
      flush(opened);
    },
    detach() {
      session = undefined;
      for (const entry of entries.values()) entry.isSent = false;
    },
    acknowledge: settle,
    emptied: () => (entries.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}
