import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import type { ConsoleStream } from '../../protocol/streams.ts';
import type { Assignment, ServerMessage, WorkerMessage } from '../../protocol/worker-link.ts';
import type { TaskConsole } from '../backends/backend.ts';
import { createConsoleStream, type ConsoleStreamShipper } from './console-stream.ts';

type ConsoleAck = Extract<ServerMessage, { type: 'console_ack' }>['data'];
type ConsoleMessage = Extract<WorkerMessage, { type: 'console' }>;

/** The consoles of all tasks that run, over whichever connection there is. */
export interface ConsoleHub {
  /** A task's console, empty for an assignment that names no execution: a stock server takes none. */
  open(assignment: Assignment): OpenConsole;
  acknowledge(ack: ConsoleAck): void;
  /** There is a new connection, and the server takes console on it. */
  reconnect(): void;
}

export interface OpenConsole extends TaskConsole {
  /** The task is over: resolves when the server has stored all of it, or after `limit` milliseconds. */
  finish(limit: number): Promise<void>;
}

export interface ConsoleHubOptions {
  /** False when it cannot be sent now. */
  send(message: ConsoleMessage): boolean;
  /** Whether the server, as last seen, takes console at all. */
  isWanted(): boolean;
  clock: Clock;
  log: Logger;
}

export function createConsoleHub(options: ConsoleHubOptions): ConsoleHub {
  const { clock, log } = options;
  const streams = new Map<string, ConsoleStreamShipper>();
  const pumpAll = () => streams.forEach((stream) => stream.pump());
  return {
    open({ task_id, execution_id }) {
      const keys: string[] = [];
      return {
        async open(stream, file, secrets) {
          if (execution_id === undefined) return;
          const ids = { task_id, execution_id, stream };
          const key = keyOf(ids);
          keys.push(key);
          const shipper = await createConsoleStream({
            file,
            secrets,
            clock,
            send: (offset, data) =>
              options.send({ type: 'console', data: { ...ids, offset, data: data.toString('base64') } }),
            onError: (err) => log.warn({ task_id, stream, err }, 'The console of a task cannot be read any further'),
          });
          streams.set(key, shipper);
        },
        async finish(limit) {
          const own = keys.flatMap((key) => streams.get(key) ?? []);
          await within(options.isWanted() ? limit : 0, clock, Promise.all(own.map((stream) => stream.finish())));
          keys.forEach((key) => streams.delete(key));
          await Promise.all(own.map((stream) => stream.close()));
        },
      };
    },
    acknowledge(ack) {
      streams.get(keyOf(ack))?.acknowledge(ack.offset);
      // What was acknowledged made room on the connection for all.
      pumpAll();
    },
    reconnect: () => streams.forEach((stream) => stream.reconnect()),
  };
}

function keyOf(ids: { execution_id: string; stream: ConsoleStream }): string {
  return `${ids.execution_id} ${ids.stream}`;
}

async function within(limit: number, clock: Clock, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(limit, resolve);
  await Promise.race([work, promise]);
  cancel();
}
