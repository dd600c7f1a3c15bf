import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import {
  serverMessageSchema,
  workerLinkPath,
  type Assignment,
  workerLinkV2,
  type FailureReason,
  type Hello,
  type ServerMessage,
  type TaskMessage,
} from '../../src/protocol/worker-link.ts';

export interface FakeWorkerOptions {
  /** The server's root, http(s). */
  rootUrl: string;
  apiKey: string;
  workerId: string;
  /** Speaks the second protocol, and says hello with this; a stock daemon does not. */
  hello?: Partial<Hello>;
  /** Subprotocols to ask for, when it says no hello. */
  protocols?: string[];
  /** Called with every message, before `next` sees it. */
  onMessage?: (message: ServerMessage, worker: FakeWorker) => void;
}

type Failure = { message?: string; failure_reason?: FailureReason; exit_code?: number; teardown_problem?: string };

type DataOf<Type extends ServerMessage['type']> = Extract<ServerMessage, { type: Type }>['data'];

/** Speaks exactly the stock daemon's messages, or ours with a hello, and starts nothing. */
export class FakeWorker {
  readonly socket: WebSocket;
  readonly received: ServerMessage[] = [];
  readonly #workerId: string;
  readonly #isV2: boolean;
  /** The execution of each task that it was assigned last. */
  readonly #executions = new Map<string, string>();
  #lastMessage = 0;
  readonly #unread: ServerMessage[] = [];
  #wake: () => void = () => {};

  static async connect(options: FakeWorkerOptions): Promise<FakeWorker> {
    const worker = new FakeWorker(options);
    await once(worker.socket, 'open');
    return worker;
  }

  constructor({ rootUrl, apiKey, workerId, hello, protocols, onMessage }: FakeWorkerOptions) {
    const url = new URL(workerLinkPath, rootUrl);
    url.searchParams.set('worker_id', workerId);
    this.#workerId = workerId;
    this.#isV2 = hello !== undefined;
    this.socket = new WebSocket(url, hello ? [workerLinkV2] : (protocols ?? []), {
      headers: { authorization: `Bearer ${apiKey}` },
      perMessageDeflate: false,
    });
    if (hello) this.socket.once('open', () => this.send('hello', fullHello(hello)));
    for (const { task_id, execution_id } of hello?.executions ?? []) this.#executions.set(task_id, execution_id);
    this.socket.on('message', (data: Buffer) => {
      const message = serverMessageSchema.parse(JSON.parse(data.toString()));
      this.received.push(message);
      if (message.type === 'task_assignment')
        this.#executions.set(message.data.task_id, message.data.execution_id ?? '');
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
    this.#send({ type, data });
  }

  #send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Says something of a task. Ours names the execution and numbers what it says; answers that number. */
  say(type: TaskMessage['type'], taskId: string, data: object, executionId = this.#executions.get(taskId)): number {
    const message_id = ++this.#lastMessage;
    if (!this.#isV2) this.send(type, { task_id: taskId, ...data });
    else this.#send({ type, message_id, data: { task_id: taskId, execution_id: executionId, ...data } });
    return message_id;
  }

  /** Resolves when this, or all that was said so far, has been acknowledged. */
  async acknowledged(messageId = this.#lastMessage): Promise<void> {
    const isAck = (message: ServerMessage) => message.type === 'ack' && message.data.message_id === messageId;
    while (!this.received.some(isAck)) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  claim(taskId: string): number {
    return this.say('task_claimed', taskId, { worker_id: this.#workerId });
  }

  reject(taskId: string, code?: 'not_accepted' | 'not_ready'): number {
    return this.say('task_rejected', taskId, { reason: 'at capacity', ...(code && { code }) });
  }

  phase(taskId: string, phase: 'preparing' | 'ending'): number {
    return this.say('task_phase', taskId, { phase });
  }

  complete(taskId: string, taskState?: 'CANCELLED' | 'RELEASED', more: { teardown_problem?: string } = {}): number {
    const state = taskState && { task_state: taskState };
    return this.say('task_completed', taskId, { message: 'Task completed successfully', ...state, ...more });
  }

  fail(taskId: string, failure: Failure = {}): number {
    return this.say('task_failed', taskId, { message: 'The task failed.', ...failure });
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

function fullHello(hello: Partial<Hello>): Hello {
  const daemon = { instance_id: randomUUID(), version: '1.0.0', backend: 'direct', executions: [] };
  return { ...daemon, max_concurrent_tasks: null, draining: false, ...hello };
}
