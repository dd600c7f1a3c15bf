import { sleep, type Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import type { ExecutionId } from '../../protocol/ids.ts';
import { consoleStreams, type ConsoleStream } from '../../protocol/streams.ts';
import type { Assignment, ServerMessage, Welcome, WorkerMessage } from '../../protocol/worker-link.ts';
import type { TaskConsole } from '../backends/backend.ts';
import { createConsoleStream, type ConsoleStreamShipper } from './console-stream.ts';

type ConsoleAck = Extract<ServerMessage, { type: 'console_ack' }>['data'];
type ConsoleOffsets = Welcome['executions'][number]['console'];
type ConsoleMessage = Extract<WorkerMessage, { type: 'console' }>;

/** The consoles of all tasks that run, over whichever connection there is. */
export interface ConsoleHub {
  /** A task's console, empty for an assignment that names no execution: a stock server takes none. */
  open(assignment: Assignment): OpenConsole;
  acknowledge(ack: ConsoleAck): void;
  /**
   * There is a new connection, and this is where the server stands with an execution. Streams that are opened later, by
   * a daemon that goes on with what another one began, start there too.
   */
  resume(executionId: ExecutionId, offsets: ConsoleOffsets): void;
  /** From now on nobody waits for a server that is away. */
  hurry(): void;
}

export interface OpenConsole extends TaskConsole {
  /**
   * The task is over: resolves when the server has stored all of its console. One that is connected and takes nothing
   * more is given up after `limit` to twice `limit` milliseconds; one that is away is waited for, as what is to be said
   * of the task has to wait for it too.
   */
  finish(limit: number): Promise<void>;
}

export interface ConsoleHubOptions {
  /** False when it cannot be sent now. */
  send(message: ConsoleMessage): boolean;
  /** Whether the server, as last seen, takes console at all. */
  isWanted(): boolean;
  isConnected(): boolean;
  clock: Clock;
  log: Logger;
}

export function createConsoleHub(options: ConsoleHubOptions): ConsoleHub {
  const streams = new Map<string, ConsoleStreamShipper>();
  /** Where the server stands with streams that are not open. */
  const offsets = new Map<string, number>();
  const hurry = new AbortController();
  const { clock, log } = options;

  async function openStream(ids: StreamIds, file: string, secrets: readonly string[]): Promise<void> {
    const { task_id, execution_id, stream } = ids;
    const key = keyOf(ids);
    const offset = offsets.get(key);
    const shipper = await createConsoleStream({
      file,
      secrets,
      offset,
      clock,
      send: (at, data) =>
        options.send({ type: 'console', data: { ...ids, offset: at, data: data.toString('base64') } }),
      onError: (err) =>
        log.warn({ task_id, execution_id, stream, err }, 'The console of a task cannot be read any further'),
    });
    streams.set(key, shipper);
    const stand = offsets.get(key);
    if (stand !== undefined && stand !== offset) shipper.resume(stand);
    offsets.delete(key);
  }

  /** Whether all of it is stored. */
  async function deliver(own: readonly ConsoleStreamShipper[], limit: number): Promise<boolean> {
    if (own.length === 0) return true;
    if (!options.isWanted()) return false;
    const over = new AbortController();
    const mayListen = () => options.isConnected() || hurry.signal.aborted;
    const delivered = Promise.all(own.map((stream) => stream.finish())).then(() => true);
    const silent = silenceOf(own, { limit, clock, mayListen, over: over.signal });
    const isWhole = await Promise.race([delivered, silent.then(() => false)]);
    over.abort();
    return isWhole;
  }

  async function close(keys: readonly string[]): Promise<void> {
    const own = keys.flatMap((key) => streams.get(key) ?? []);
    for (const key of keys) {
      streams.delete(key);
      offsets.delete(key);
    }
    await Promise.all(own.map((stream) => stream.close()));
  }

  return {
    open({ task_id, execution_id }) {
      if (execution_id === undefined) return { open: async () => {}, finish: async () => {} };
      const keys = consoleStreams.map((stream) => keyOf({ execution_id, stream }));
      return {
        open: (stream, file, secrets) => openStream({ task_id, execution_id, stream }, file, secrets),
        async finish(limit) {
          const isWhole = await deliver(
            keys.flatMap((key) => streams.get(key) ?? []),
            limit,
          );
          if (!isWhole) log.debug({ task_id, execution_id }, 'Not all of the console of a task was taken');
          await close(keys);
        },
      };
    },
    acknowledge(ack) {
      streams.get(keyOf(ack))?.acknowledge(ack.offset);
      // What was acknowledged made room on the connection for all.
      streams.forEach((stream) => stream.pump());
    },
    resume(execution_id, stands) {
      for (const stream of consoleStreams) {
        const key = keyOf({ execution_id, stream });
        const offset = stands[stream] ?? 0;
        const open = streams.get(key);
        if (open) open.resume(offset);
        else offsets.set(key, offset);
      }
    },
    hurry: () => hurry.abort(),
  };
}

interface StreamIds {
  task_id: Assignment['task_id'];
  execution_id: ExecutionId;
  stream: ConsoleStream;
}

function keyOf(ids: Pick<StreamIds, 'execution_id' | 'stream'>): string {
  return `${ids.execution_id} ${ids.stream}`;
}

interface Silence {
  limit: number;
  clock: Clock;
  /** A silence of somebody who cannot listen says nothing. */
  mayListen(): boolean;
  /** Aborted when nobody cares any longer. */
  over: AbortSignal;
}

/** Resolves when nothing of the streams was stored for `limit` milliseconds by somebody who could have. */
async function silenceOf(streams: readonly ConsoleStreamShipper[], silence: Silence): Promise<void> {
  const look = () => ({
    canListen: silence.mayListen(),
    stored: streams.reduce((sum, stream) => sum + stream.acknowledged(), 0),
  });
  for (let before = look(), now = before; ; before = now) {
    try {
      await sleep(silence.clock, silence.limit, silence.over);
    } catch {
      return;
    }
    now = look();
    if (before.canListen && now.canListen && before.stored === now.stored) return;
  }
}
