import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { ServerMessage, TaskMessage, WorkerMessage } from '../../protocol/worker-link.ts';
import type { ConsoleData, ConsoleLog } from '../runs/console-log.ts';
import { persist } from '../runs/persist.ts';
import type { LinkedWorker } from '../runs/worker-link.ts';

/** Messages of one connection that may wait before its socket is read no further. */
const mostWaiting = 256;

interface InboxOptions {
  link: Promise<LinkedWorker>;
  console: ConsoleLog;
  clock: Clock;
  log: Logger;
  givingUp: AbortSignal;
  send(message: ServerMessage): void;
  pause(): void;
  resume(): void;
}

export type TaskOrConsole = TaskMessage | Extract<WorkerMessage, { type: 'console' }>;

/**
 * Handles one connection's messages: those of one task in their order, one at a time, those of different tasks side by
 * side, so that their commits share an fsync. Each is acknowledged once it is committed. What piles up of a task's
 * console meanwhile is written at once.
 */
export class Inbox {
  readonly #options: InboxOptions;
  /** What waits of each task that is being worked on. */
  readonly #tasks = new Map<RunId, TaskOrConsole[]>();
  readonly #working = new Set<Promise<void>>();
  #waiting = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  put(message: TaskOrConsole): void {
    if (++this.#waiting >= mostWaiting) this.#options.pause();
    const runId = message.data.task_id;
    const ahead = this.#tasks.get(runId);
    if (ahead) ahead.push(message);
    else this.#begin(runId, [message]);
  }

  /** A stock daemon numbers nothing, and is told nothing. */
  acknowledge(message_id: number | undefined): void {
    if (message_id !== undefined) this.#options.send({ type: 'ack', data: { message_id } });
  }

  /** Resolves when all that was put has been handled. */
  async idle(): Promise<void> {
    await Promise.all(this.#working);
  }

  #begin(runId: RunId, messages: TaskOrConsole[]): void {
    this.#tasks.set(runId, messages);
    const work = this.#work(runId, messages).finally(() => this.#working.delete(work));
    this.#working.add(work);
  }

  async #work(runId: RunId, messages: TaskOrConsole[]): Promise<void> {
    for (let next = messages.shift(); next; next = messages.shift()) {
      await this.#handle(next, messages);
      if (--this.#waiting === 0) this.#options.resume();
    }
    this.#tasks.delete(runId);
  }

  async #handle(message: TaskOrConsole, behind: TaskOrConsole[]): Promise<void> {
    const work =
      message.type === 'console'
        ? this.#appendWith(message.data, behind)
        : async () => await (await this.#options.link).hear(message);
    const wasDone = await persist(this.#options, `Handling a worker’s ${message.type}`, work);
    // What could not be written comes again over the next connection.
    if (wasDone && message.type !== 'console') this.acknowledge(message.message_id);
  }

  #appendWith(first: ConsoleData, behind: TaskOrConsole[]): () => Promise<void> {
    const batch = [first];
    for (let next = behind[0]; next?.type === 'console'; next = behind[0]) {
      batch.push(next.data);
      behind.shift();
      this.#waiting -= 1;
    }
    return async () => {
      for (const ack of await this.#options.console.append(batch)) this.#options.send(ack);
    };
  }
}
