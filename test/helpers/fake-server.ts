import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { workerLinkV2, workerMessageSchema, type WorkerMessage } from '../../src/protocol/worker-link.ts';

type MessageOf<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>;

/** The server's side of the worker link, real WebSockets and all, doing only what a test tells it to. */
export interface FakeServer extends AsyncDisposable {
  readonly url: string;
  /** Everything that workers said, console apart, in order and over all connections. */
  readonly received: WorkerMessage[];
  /** How many connections were opened so far. */
  opened(): number;
  /** The next connection attempts are answered with these statuses, each once. */
  refuseWith(...statuses: number[]): void;
  send(message: object): void;
  /** Sends it to the next connection, together with the answer to its handshake. */
  greetWith(message: object): void;
  /** Breaks every connection without a word, as a cut cable does. */
  cut(): void;
  /** Sends what is no frame of a WebSocket, as a broken proxy does. */
  garble(): void;
  /** From now on new connections wait for their answer until `admit`. */
  holdOff(): void;
  admit(): void;
  /** The console of an execution as it is stored. */
  console(executionId: string, stream: string): Buffer;
  /** From now on the next console chunks are neither stored nor acknowledged. */
  loseConsole(chunks: number): void;
  /** Resolves with the first message that fits, one that has come already included. */
  waitFor<T extends WorkerMessage['type']>(type: T, taskId?: string): Promise<MessageOf<T>>;
  /** Resolves when the condition holds; looked at after each message and each connection. */
  until(condition: () => boolean): Promise<void>;
  /** The headers of the last connection attempt. */
  lastRequest(): IncomingMessage | undefined;
}

export async function startFakeServer({ isV2 = true } = {}): Promise<FakeServer> {
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => (isV2 ? workerLinkV2 : false) });
  const received: WorkerMessage[] = [];
  const stored = new Map<string, Buffer>();
  const refusals: number[] = [];
  const greetings: object[] = [];
  const lines = new Set<Duplex>();
  const watchers = new Set<() => void>();
  let heldOff: (() => void)[] | undefined;
  let opened = 0;
  let toLose = 0;
  let lastRequest: IncomingMessage | undefined;
  const changed = () => watchers.forEach((look) => look());

  http.on('upgrade', (request, socket, head) => {
    lastRequest = request;
    lines.add(socket.once('close', () => lines.delete(socket)));
    const status = refusals.shift();
    if (status !== undefined) {
      const problem = { type: 'x/not_authorized', title: 'No', status, detail: 'This key is unknown.', error: 'No' };
      const body = JSON.stringify(problem);
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
      return;
    }
    const accept = () => {
      // What is sent with the greeting leaves in one packet with the answer.
      socket.cork();
      sockets.handleUpgrade(request, socket, head, greet);
      socket.uncork();
    };
    if (heldOff === undefined) accept();
    else heldOff.push(accept);
  });

  function greet(socket: WebSocket): void {
    opened += 1;
    for (const greeting of greetings.splice(0)) socket.send(JSON.stringify(greeting));
    socket.on('message', (data) => hear(socket, (data as Buffer).toString()));
    changed();
  }

  function hear(socket: WebSocket, text: string): void {
    const message = workerMessageSchema.parse(JSON.parse(text));
    if (message.type === 'console') store(socket, message.data);
    else received.push(message);
    changed();
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
    const ack = { task_id, execution_id, stream, offset: after.length };
    socket.send(JSON.stringify({ type: 'console_ack', data: ack }));
  }

  async function until(condition: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => condition() && resolve();
    const timer = setTimeout(() => reject(new Error(`It never came; heard: ${JSON.stringify(received)}`)), 20_000);
    watchers.add(look);
    look();
    await promise.finally(() => {
      clearTimeout(timer);
      watchers.delete(look);
    });
  }

  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    received,
    opened: () => opened,
    refuseWith: (...statuses) => void refusals.push(...statuses),
    send: (message) => sockets.clients.forEach((socket) => socket.send(JSON.stringify(message))),
    greetWith: (message) => void greetings.push(message),
    cut: () => sockets.clients.forEach((socket) => socket.terminate()),
    garble: () => lines.forEach((line) => line.write(Buffer.alloc(16, 0xff))),
    holdOff: () => void (heldOff = []),
    admit() {
      heldOff?.forEach((accept) => accept());
      heldOff = undefined;
    },
    console: (executionId, stream) => stored.get(`${executionId} ${stream}`) ?? Buffer.alloc(0),
    loseConsole: (chunks) => void (toLose = chunks),
    async waitFor<T extends WorkerMessage['type']>(type: T, taskId?: string) {
      const find = () =>
        received.find(
          (message): message is MessageOf<T> =>
            message.type === type &&
            (taskId === undefined || (message.data as { task_id?: string }).task_id === taskId),
        );
      await until(() => find() !== undefined);
      return find() as MessageOf<T>;
    },
    until,
    lastRequest: () => lastRequest,
    async [Symbol.asyncDispose]() {
      sockets.clients.forEach((socket) => socket.terminate());
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}
