import { once } from 'node:events';
import { WebSocket } from 'ws';
import {
  serverMessageSchema,
  workerLinkPath,
  type Assignment,
  type FailureReason,
  type ServerMessage,
} from '../../src/protocol/worker-link.ts';

export interface FakeWorkerOptions {
  /** The server's root, http(s). */
  rootUrl: string;
  apiKey: string;
  workerId: string;
  /** Subprotocols to ask for; a stock daemon asks for none. */
  protocols?: string[];
  /** Called with every message, before `next` sees it. */
  onMessage?: (message: ServerMessage, worker: FakeWorker) => void;
}

type Failure = { message?: string; failure_reason?: FailureReason; exit_code?: number };

type DataOf<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>['data'];

/** Speaks exactly the stock daemon's messages and starts nothing. */
export class FakeWorker {
  readonly socket: WebSocket;
  readonly received: ServerMessage[] = [];
  readonly #workerId: string;
  readonly #unread: ServerMessage[] = [];
  #wake: () => void = () => {};

  static async connect(options: FakeWorkerOptions): Promise<FakeWorker> {
    const worker = new FakeWorker(options);
    await once(worker.socket, 'open');
    return worker;
  }

  constructor({ rootUrl, apiKey, workerId, protocols, onMessage }: FakeWorkerOptions) {
    const url = new URL(workerLinkPath, rootUrl);
    url.searchParams.set('worker_id', workerId);
    this.#workerId = workerId;
    this.socket = new WebSocket(url, protocols ?? [], {
      headers: { authorization: `Bearer ${apiKey}` },
      perMessageDeflate: false,
    });
    this.socket.on('message', (data: Buffer) => {
      const message = serverMessageSchema.parse(JSON.parse(data.toString()));
      this.received.push(message);
      this.#unread.push(message);
      onMessage?.(message, this);
      this.#wake();
    });
  }

  /** The next message of this type that has not been read yet, as soon as it has come. */
  async next<Type extends ServerMessage['type']>(type: Type): Promise<DataOf<Type>> {
    for (;;) {
      const found = this.#unread.findIndex((message) => message.type === type);
      const [message] = found < 0 ? [] : this.#unread.splice(found, 1);
      if (message) return message.data as DataOf<Type>;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async assigned(): Promise<Assignment> {
    return await this.next('task_assignment');
  }

  /** Ids of the tasks that it was ever offered. */
  offers(): string[] {
    return this.received.flatMap((message) => (message.type === 'task_assignment' ? [message.data.task_id] : []));
  }

  send(type: string, data: unknown): void {
    this.socket.send(JSON.stringify({ type, data }));
  }

  claim(taskId: string): void {
    this.send('task_claimed', { task_id: taskId, worker_id: this.#workerId });
  }

  reject(taskId: string, reason = 'at capacity'): void {
    this.send('task_rejected', { task_id: taskId, reason });
  }

  complete(taskId: string, taskState?: 'CANCELLED'): void {
    const state = taskState && { task_state: taskState };
    this.send('task_completed', { task_id: taskId, message: 'Task completed successfully', ...state });
  }

  fail(taskId: string, failure: Failure = {}): void {
    this.send('task_failed', { task_id: taskId, message: 'The task failed.', ...failure });
  }

  /** Everything sent before has reached the server, and its answer to a ping has come back. */
  async ping(): Promise<void> {
    const pong = once(this.socket, 'pong');
    this.socket.ping();
    await pong;
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, 'close');
    this.socket.close(1000);
    await closed;
  }
}
