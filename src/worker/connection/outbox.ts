import type { WebSocket } from 'ws';
import type { WorkerMessage } from '../../protocol/worker-link.ts';

/** Messages in their order, each kept until a socket has really taken it. */
export interface Outbox {
  add(message: WorkerMessage): void;
  /** Sends on this connection from now on, first of all what the last one did not take. */
  attach(socket: WebSocket, isV2: boolean): void;
  detach(): void;
  /** Resolves when nothing is waiting any more. */
  emptied(): Promise<void>;
}

interface Entry {
  message: WorkerMessage;
  isSent: boolean;
}

export function createOutbox(): Outbox {
  const entries: Entry[] = [];
  let waiting: (() => void)[] = [];
  let connection: { socket: WebSocket; isV2: boolean } | undefined;

  const take = (entry: Entry) => {
    const index = entries.indexOf(entry);
    if (index !== -1) entries.splice(index, 1);
    if (entries.length > 0) return;
    waiting.forEach((resolve) => resolve());
    waiting = [];
  };
  const flush = () => {
    if (connection === undefined) return;
    const { socket, isV2 } = connection;
    for (const entry of entries.filter(({ isSent }) => !isSent)) {
      entry.isSent = true;
      // One that the socket did not take is sent again on the next connection.
      socket.send(toText(entry.message, isV2), (error) => error ?? take(entry));
    }
  };
  return {
    add(message) {
      entries.push({ message, isSent: false });
      flush();
    },
    attach(socket, isV2) {
      connection = { socket, isV2 };
      flush();
    },
    detach() {
      connection = undefined;
      for (const entry of entries) entry.isSent = false;
    },
    emptied: () => (entries.length === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

/** A stock server's messages name no execution. */
export function toText(message: WorkerMessage, isV2: boolean): string {
  return JSON.stringify(message, (key, value: unknown) => (key === 'execution_id' && !isV2 ? undefined : value));
}
