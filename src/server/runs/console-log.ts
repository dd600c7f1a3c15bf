import type { RunId } from '../../protocol/ids.ts';
import type { ServerMessage, WorkerMessage } from '../../protocol/worker-link.ts';
import { insertConsole, storedConsole, type ConsoleChunk } from '../store/console-chunks.ts';
import type { WorkerIdentity } from '../store/executions.ts';
import type { RunContext } from './context.ts';

export type ConsoleData = Extract<WorkerMessage, { type: 'console' }>['data'];
type ConsoleAck = Extract<ServerMessage, { type: 'console_ack' }>;

/** Bytes that are kept of one execution's stream; what comes after is acknowledged and dropped. */
const mostConsole = 64 * 1024 * 1024;
const note = Buffer.from('\n[The output went on beyond 64 MiB; the rest was not kept.]\n');

/** Streams whose end is remembered; an older one's is read again when it goes on. */
const mostEnds = 1_000;

/** How far a stream is stored. */
interface StreamEnd {
  runId: RunId;
  stored: number;
}

/**
 * The console that one connection sends. A chunk is stored only where it continues its stream exactly; the
 * acknowledgement says from where the worker is to go on, which makes repeats and gaps harmless.
 */
export class ConsoleLog {
  readonly #context: RunContext;
  readonly #worker: WorkerIdentity;
  readonly #limit: number;
  readonly #ends = new Map<string, StreamEnd>();

  constructor(context: RunContext, worker: WorkerIdentity, limit = mostConsole) {
    this.#context = context;
    this.#worker = worker;
    this.#limit = limit;
  }

  /** Stores what continues its stream, in one write; answers one acknowledgement a stream. */
  async append(batch: readonly ConsoleData[]): Promise<ConsoleAck[]> {
    try {
      return await this.#appendAll(batch);
    } catch (error) {
      // What was counted as stored is not: the next try must not acknowledge it.
      for (const data of batch) this.#ends.delete(keyOf(data));
      throw error;
    }
  }

  async #appendAll(batch: readonly ConsoleData[]): Promise<ConsoleAck[]> {
    const chunks: ConsoleChunk[] = [];
    const acks = new Map<string, ConsoleAck>();
    for (const data of batch) {
      const end = await this.#endOf(data);
      if (end === undefined) continue;
      acks.set(keyOf(data), ackOf(data, this.#take(data, end, chunks)));
    }
    await this.#store(chunks);
    this.#forgetOldest();
    return [...acks.values()];
  }

  /** Answers the offset to acknowledge. */
  #take({ execution_id, stream, offset, data }: ConsoleData, end: StreamEnd, chunks: ConsoleChunk[]): number {
    const bytes = Buffer.from(data, 'base64');
    if (end.stored >= this.#limit) return offset + bytes.length;
    if (offset !== end.stored || bytes.length === 0) return end.stored;
    const chunk = { run_id: end.runId, execution_id, stream, byte_offset: offset, data: bytes };
    chunks.push(chunk);
    end.stored += bytes.length;
    const acknowledged = end.stored;
    if (end.stored >= this.#limit) {
      chunks.push({ ...chunk, byte_offset: end.stored, data: note });
      end.stored += note.length;
    }
    return acknowledged;
  }

  async #store(chunks: readonly ConsoleChunk[]): Promise<void> {
    if (chunks.length === 0) return;
    await insertConsole(this.#context.db, chunks);
    for (const runId of new Set(chunks.map(({ run_id }) => run_id))) this.#context.changes.announce(runId);
  }

  /** A connection may carry any number of runs. */
  #forgetOldest(): void {
    for (const key of this.#ends.keys()) {
      if (this.#ends.size <= mostEnds) return;
      this.#ends.delete(key);
    }
  }

  async #endOf(data: ConsoleData): Promise<StreamEnd | undefined> {
    const known = this.#ends.get(keyOf(data));
    if (known !== undefined) return known;
    const row = await storedConsole(this.#context.db, this.#worker, data.execution_id, data.stream);
    if (row === undefined || row.run_id !== data.task_id) {
      this.#context.log.warn(
        { run: data.task_id, worker: this.#worker.workerId },
        'Console of a task that is not its own.',
      );
      return undefined;
    }
    const end = { runId: row.run_id, stored: row.stored };
    this.#ends.set(keyOf(data), end);
    return end;
  }
}

function keyOf({ execution_id, stream }: ConsoleData): string {
  return `${execution_id}/${stream}`;
}

function ackOf({ task_id, execution_id, stream }: ConsoleData, offset: number): ConsoleAck {
  return { type: 'console_ack', data: { task_id, execution_id, stream, offset } };
}
