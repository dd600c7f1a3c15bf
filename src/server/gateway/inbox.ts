import { createBackoff } from '../../common/backoff.ts';
import { sleep, type Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import type { WorkerMessage } from '../../protocol/worker-link.ts';
import type { ConsoleData, ConsoleLog } from '../runs/console-log.ts';
import type { LinkedWorker } from '../runs/worker-link.ts';

/** Messages of one connection that may wait before its socket is read no further. */
const mostWaiting = 256;
/** A message that cannot be handled, for the database is away, is tried again for about half a minute. */
const mostTries = 12;

interface InboxOptions {
  link: Promise<LinkedWorker>;
  console: ConsoleLog;
  clock: Clock;
  log: Logger;
  send(message: Awaited<ReturnType<ConsoleLog['append']>>[number]): void;
  pause(): void;
  resume(): void;
}

/**
 * Handles one connection's messages in their order, one at a time; what piles up of console meanwhile is written at
 * once. Other connections have inboxes of their own.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #waiting: WorkerMessage[] = [];
  #working: Promise<void> | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  put(message: WorkerMessage): void {
    this.#waiting.push(message);
    if (this.#waiting.length >= mostWaiting) this.#options.pause();
    this.#working ??= this.#work();
  }

  /** Resolves when all that was put has been handled. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      await this.#handle(next);
      if (this.#waiting.length === 0) this.#options.resume();
    }
    this.#working = undefined;
  }

  async #handle(message: WorkerMessage): Promise<void> {
    if (message.type === 'heartbeat') return;
    const work =
      message.type === 'console'
        ? this.#appendWith(message.data)
        : async () => await (await this.#options.link).hear(message);
    await this.#persistently(work, message.type);
  }

  #appendWith(first: ConsoleData): () => Promise<void> {
    const batch = [first];
    for (let next = this.#waiting[0]; next?.type === 'console'; next = this.#waiting[0]) {
      batch.push(next.data);
      this.#waiting.shift();
    }
    return async () => {
      for (const ack of await this.#options.console.append(batch)) this.#options.send(ack);
    };
  }

  async #persistently(work: () => Promise<void>, type: string): Promise<void> {
    const backoff = createBackoff({ first: 100, max: 5_000 });
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (tries === mostTries) return this.#options.log.error({ err: error, type }, 'A message was given up.');
        this.#options.log.warn({ err: error, type }, 'A message could not be handled; trying again.');
        await sleep(this.#options.clock, backoff.next());
      }
    }
  }
}
