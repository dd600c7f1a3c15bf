import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { workerLinkV2, workerMessageSchema, type TaskMessage } from '../../src/protocol/worker-link.ts';
import { createFakeLink, type FakeLink, type MessageOf } from './fake-link.ts';

/**
 * The server's side of the worker link, real WebSockets and all, doing only what a test tells it to. In v2 it answers
 * `hello` with `welcome` and acknowledges what it hears; a test may have it do that late, or not at all. A worker that
 * does what none may do fails the test when the server is disposed of.
 */
export interface FakeServer extends AsyncDisposable, Omit<FakeLink, 'greet' | 'hear'> {
  readonly url: string;
  /** How many connections were opened so far, those of the second protocol up to their welcome. */
  opened(): number;
  /** From now on new connections are spoken to in the second protocol, or in the stock one. */
  speakV2(isV2: boolean): void;
  /** The next connection attempts are answered with these statuses, each once. */
  refuseWith(...statuses: number[]): void;
  send(message: object): void;
  /** Sends it to the next connection, together with its welcome, or else with the answer to its handshake. */
  greetWith(message: object): void;
  /** Breaks every connection without a word, as a cut cable does. */
  cut(): void;
  /** Stops reading, as a server does that is stopped: what is open stays open, and nothing on it is answered. */
  freeze(): void;
  thaw(): void;
  /** Sends what is no frame of a WebSocket, as a broken proxy does. */
  garble(): void;
  /** From now on new connections wait for their answer until `admit`. */
  holdOff(): void;
  admit(): void;
  /** Resolves with the first message that fits, one that has come already included. */
  waitFor<T extends TaskMessage['type']>(type: T, taskId?: string): Promise<MessageOf<T>>;
  /** Resolves when the condition holds; looked at after each message and each connection. */
  until(condition: () => boolean): Promise<void>;
  /** The headers of the last connection attempt. */
  lastRequest(): IncomingMessage | undefined;
}

export async function startFakeServer({ isV2 = true, leaseSeconds = 45 } = {}): Promise<FakeServer> {
  const http = createServer();
  let speaksV2 = isV2;
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => (speaksV2 ? workerLinkV2 : false) });
  const { greet: greetInV2, hear: hearMessage, ...link } = createFakeLink(leaseSeconds, onOpen);
  const refusals: number[] = [];
  const greetings: object[] = [];
  const lines = new Set<Duplex>();
  const watchers = new Set<() => void>();
  let heldOff: (() => void)[] | undefined;
  let opened = 0;
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
    socket.on('message', (data) => {
      hearMessage(socket, workerMessageSchema.parse(JSON.parse((data as Buffer).toString())));
      changed();
    });
    greetInV2(socket);
  }

  function onOpen(socket: WebSocket): void {
    opened += 1;
    for (const greeting of greetings.splice(0)) socket.send(JSON.stringify(greeting));
    changed();
  }

  async function until(condition: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => condition() && resolve();
    const timer = setTimeout(() => reject(new Error(`It never came; heard: ${JSON.stringify(link.heard)}`)), 20_000);
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
    ...link,
    opened: () => opened,
    speakV2: (chosen) => void (speaksV2 = chosen),
    refuseWith: (...statuses) => void refusals.push(...statuses),
    send: (message) => sockets.clients.forEach((socket) => socket.send(JSON.stringify(message))),
    greetWith: (message) => void greetings.push(message),
    cut: () => sockets.clients.forEach((socket) => socket.terminate()),
    freeze: () => lines.forEach((line) => line.pause()),
    thaw: () => lines.forEach((line) => line.resume()),
    garble: () => lines.forEach((line) => line.write(Buffer.alloc(16, 0xff))),
    holdOff: () => void (heldOff = []),
    admit() {
      heldOff?.forEach((accept) => accept());
      heldOff = undefined;
    },
    async waitFor<T extends TaskMessage['type']>(type: T, taskId?: string) {
      const find = () =>
        link.received.find(
          (message): message is MessageOf<T> =>
            message.type === type && (taskId === undefined || message.data.task_id === taskId),
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
      if (link.offences.length > 0) throw new Error(`The worker broke the protocol: ${link.offences.join(', ')}`);
    },
  };
}
