import { vi } from 'vitest';
import type { RunId } from '../../src/protocol/ids.ts';
import type { ExecutionIds, ServerMessage, TaskMessage } from '../../src/protocol/worker-link.ts';
import type { FakeWorker } from './fake-worker.ts';
import type { RunCore } from './run-core.ts';

interface Said {
  type: TaskMessage['type'];
  runId: RunId;
  executionId: string;
  data: object;
}

export interface FakeDaemonOptions {
  instanceId: string;
  /** Tasks at once. */
  room: number;
  /** Whether the next acknowledgement is lost. */
  loses(): boolean;
}

/**
 * A daemon over all its connections: it claims what it is given, keeps what it says until that is acknowledged, and says
 * it again after each reconnect, in its order. It starts nothing.
 */
export class FakeDaemon {
  readonly #core: RunCore;
  readonly #options: FakeDaemonOptions;
  readonly #tasks = new Map<RunId, string>();
  #unacknowledged: Said[] = [];
  readonly #numbers = new Map<number, Said>();
  #worker: FakeWorker | undefined;

  constructor(core: RunCore, options: FakeDaemonOptions) {
    this.#core = core;
    this.#options = options;
  }

  tasks(): RunId[] {
    return [...this.#tasks.keys()];
  }

  executionOf(runId: RunId): string | undefined {
    return this.#tasks.get(runId);
  }

  unacknowledged(): number {
    return this.#unacknowledged.length;
  }

  async connect(): Promise<void> {
    this.#numbers.clear();
    const { instanceId, room } = this.#options;
    const ended = this.#unacknowledged.map(({ runId, executionId }) => [runId, executionId] as const);
    const named = new Map([...ended, ...this.#tasks].map(([runId, id]) => [id, { task_id: runId, execution_id: id }]));
    this.#worker = await this.#core.worker({
      hello: { instance_id: instanceId, max_concurrent_tasks: room, executions: [...named.values()] as ExecutionIds[] },
      onMessage: (message, worker) => this.#hear(message, worker),
    });
    this.repeat();
  }

  /** Breaks the line without a word, and comes back. */
  async reconnect(): Promise<void> {
    this.#worker?.socket.terminate();
    await this.connect();
  }

  /** Says all again that has not been acknowledged. */
  repeat(): void {
    for (const said of this.#unacknowledged) this.#send(said);
  }

  end(runId: RunId): void {
    const executionId = this.#tasks.get(runId);
    if (executionId === undefined) return;
    this.#tasks.delete(runId);
    this.#say({ type: 'task_failed', runId, executionId, data: { message: 'It ended.', failure_reason: 'evicted' } });
  }

  /** What was sent has reached the server, and what it answers at once has come. */
  async settled(): Promise<void> {
    await this.#worker?.ping();
    await vi.waitUntil(() => this.#numbers.size === 0, { interval: 2, timeout: 10_000 });
  }

  #hear(message: ServerMessage, worker: FakeWorker): void {
    // What comes over a connection that has been given up is lost.
    if (this.#worker !== undefined && worker !== this.#worker && message.type !== 'welcome') return;
    if (message.type === 'task_assignment') this.#take(message.data.task_id, message.data.execution_id ?? '');
    if (message.type === 'task_cancellation') this.#endFenced(message.data.task_id, message.data.execution_id);
    if (message.type === 'ack') this.#acknowledged(message.data.message_id);
    if (message.type !== 'welcome') return;
    for (const { task_id, execution_id, verdict } of message.data.executions) {
      if (verdict === 'end') this.#endFenced(task_id, execution_id);
    }
  }

  #take(runId: RunId, executionId: string): void {
    const hasRoom = this.#tasks.size < this.#options.room && !this.#tasks.has(runId);
    if (hasRoom) this.#tasks.set(runId, executionId);
    if (hasRoom) this.#say({ type: 'task_claimed', runId, executionId, data: { worker_id: 'local' } });
    else this.#say({ type: 'task_rejected', runId, executionId, data: { reason: 'full', code: 'not_ready' } });
  }

  #endFenced(runId: RunId, executionId: string | undefined): void {
    if (executionId !== undefined && this.#tasks.get(runId) === executionId) this.end(runId);
  }

  #acknowledged(messageId: number): void {
    const said = this.#numbers.get(messageId);
    this.#numbers.delete(messageId);
    if (said === undefined || this.#options.loses()) return;
    this.#unacknowledged = this.#unacknowledged.filter((other) => other !== said);
  }

  #say(said: Said): void {
    this.#unacknowledged.push(said);
    this.#send(said);
  }

  #send(said: Said): void {
    const number = this.#worker?.say(said.type, said.runId, said.data, said.executionId);
    if (number !== undefined) this.#numbers.set(number, said);
  }
}
