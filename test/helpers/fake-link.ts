import { isDeepStrictEqual } from 'node:util';
import { WebSocket } from 'ws';
import {
  workerLinkV2,
  type Capacity,
  type Hello,
  type ServerMessage,
  type TaskMessage,
  type Welcome,
  type WorkerMessage,
} from '../../src/protocol/worker-link.ts';

export type MessageOf<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>;

/** What a fake server says and keeps of the worker link, over all its connections. */
export interface FakeLink {
  /** What workers said of tasks, in order, each word once however often it was said. */
  readonly received: TaskMessage[];
  /** The same as it came, with every repetition. */
  readonly heard: TaskMessage[];
  readonly hellos: Hello[];
  /** Room as it was announced, by `hello` or on its own. */
  readonly capacities: Capacity[];
  /** What no daemon may do, in words. */
  readonly offences: string[];
  /** Asked with each message, the hello included, what goes wrong with it. */
  spoilWith(spoil: (message: WorkerMessage) => LinkSpoiling | undefined): void;
  heartbeats(): number;
  /** What the next welcomes say of this execution; of all others they say that they go on. */
  decide(executionId: string, verdict: Welcome['executions'][number]['verdict']): void;
  /** From now on nobody is welcomed until `welcome`. */
  withholdWelcome(): void;
  welcome(): void;
  /** From now on nothing is acknowledged until `acknowledge`, console apart. */
  withholdAcks(): void;
  acknowledge(): void;
  /** The console of an execution as it is stored. */
  console(executionId: string, stream: string): Buffer;
  /** From now on the next console chunks are neither stored nor acknowledged. */
  loseConsole(chunks: number): void;
  /** Forgets what it has stored of an execution's console from this offset on, as a restored backup has. */
  forgetConsole(executionId: string, stream: string, offset: number): void;
  readonly greet: (socket: WebSocket) => void;
  readonly hear: (socket: WebSocket, message: WorkerMessage) => void;
}

/** The line is cut before the message is heard, before it is answered, or right after. */
type LinkSpoiling = 'unheard' | 'unanswered' | 'answered';

/** What is withheld, in its order, or undefined while nothing is. */
type Withheld = (() => void)[] | undefined;

/** `onOpen` is called with each connection on which both sides may speak, together with its welcome if it has one. */
export function createFakeLink(leaseSeconds: number, onOpen: (socket: WebSocket) => void): FakeLink {
  const received: TaskMessage[] = [];
  const heard: TaskMessage[] = [];
  const hellos: Hello[] = [];
  const capacities: Capacity[] = [];
  const offences: string[] = [];
  const stored = new Map<string, Buffer>();
  const verdicts = new Map<string, Welcome['executions'][number]['verdict']>();
  const silent = new Set<WebSocket>();
  let spoil: (message: WorkerMessage) => LinkSpoiling | undefined = () => undefined;
  let welcomes: Withheld;
  let acks: Withheld;
  let heartbeats = 0;
  let toLose = 0;

  function hear(socket: WebSocket, message: WorkerMessage): void {
    // It was behind the one at which the line was cut.
    if (socket.readyState !== WebSocket.OPEN) return;
    const spoiling = spoil(message);
    if (spoiling === 'unheard' || spoiling === 'unanswered') socket.terminate();
    if (spoiling !== 'unheard') take(socket, message);
    if (spoiling === 'answered') setImmediate(() => socket.terminate());
  }

  function take(socket: WebSocket, message: WorkerMessage): void {
    if (message.type === 'hello') return takeHello(socket, message.data);
    if (silent.has(socket)) offences.push(`${message.type} before the welcome`);
    if (message.type === 'heartbeat') heartbeats += 1;
    else if (message.type === 'capacity') capacities.push(message.data);
    else if (message.type === 'console') store(socket, message.data);
    else takeTaskMessage(socket, message);
  }

  function takeHello(socket: WebSocket, hello: Hello): void {
    if (!silent.has(socket)) offences.push('a second hello');
    hellos.push(hello);
    capacities.push({ max_concurrent_tasks: hello.max_concurrent_tasks, draining: hello.draining });
    const welcome = () => {
      silent.delete(socket);
      const executions = hello.executions.map(({ task_id, execution_id }) => ({
        task_id,
        execution_id,
        verdict: verdicts.get(execution_id) ?? 'continue',
        console: offsetsOf(execution_id),
      }));
      say(socket, { type: 'welcome', data: { lease_seconds: leaseSeconds, executions } });
      onOpen(socket);
    };
    if (welcomes) welcomes.push(welcome);
    else welcome();
  }

  function offsetsOf(executionId: string): Welcome['executions'][number]['console'] {
    const own = [...stored].filter(([key]) => key.startsWith(`${executionId} `));
    return Object.fromEntries(own.map(([key, bytes]) => [key.slice(executionId.length + 1), bytes.length]));
  }

  function takeTaskMessage(socket: WebSocket, message: TaskMessage): void {
    heard.push(message);
    const isNew = !received.some(({ type, data }) => type === message.type && isDeepStrictEqual(data, message.data));
    if (isNew) received.push(message);
    const { message_id } = message;
    if (message_id === undefined) return;
    const acknowledge = () => say(socket, { type: 'ack', data: { message_id } });
    if (acks) acks.push(acknowledge);
    else acknowledge();
  }

  function store(socket: WebSocket, data: MessageOf<'console'>['data']): void {
    if (toLose > 0) {
      toLose -= 1;
      return;
    }
    const { task_id, execution_id, stream } = data;
    const key = `${execution_id} ${stream}`;
    const before = stored.get(key) ?? Buffer.alloc(0);
    const isNext = data.offset === before.length;
    const after = isNext ? Buffer.concat([before, Buffer.from(data.data, 'base64')]) : before;
    stored.set(key, after);
    say(socket, { type: 'console_ack', data: { task_id, execution_id, stream, offset: after.length } });
  }

  return {
    received,
    heard,
    hellos,
    capacities,
    offences,
    spoilWith: (chosen) => void (spoil = chosen),
    heartbeats: () => heartbeats,
    decide: (executionId, verdict) => void verdicts.set(executionId, verdict),
    withholdWelcome: () => void (welcomes = []),
    welcome() {
      welcomes?.forEach((welcome) => welcome());
      welcomes = undefined;
    },
    withholdAcks: () => void (acks = []),
    acknowledge() {
      acks?.forEach((acknowledge) => acknowledge());
      acks = undefined;
    },
    console: (executionId, stream) => stored.get(`${executionId} ${stream}`) ?? Buffer.alloc(0),
    loseConsole: (chunks) => void (toLose = chunks),
    forgetConsole(executionId, stream, offset) {
      const key = `${executionId} ${stream}`;
      stored.set(key, (stored.get(key) ?? Buffer.alloc(0)).subarray(0, offset));
    },
    greet(socket) {
      if (socket.protocol === workerLinkV2) silent.add(socket);
      else onOpen(socket);
    },
    hear,
  };
}

function say(socket: WebSocket, message: ServerMessage): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}
