import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { problemSchema } from '../../protocol/errors.ts';
import { workerLinkV2 } from '../../protocol/worker-link.ts';
import { createProxyAgent } from './proxy-agent.ts';

export interface DialOptions {
  url: string;
  workerId: string;
  apiKey: string;
  /** The daemon's own environment, for the proxy that it may name. */
  host: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}

/** An open connection, paused until somebody listens, and whether the server speaks our extension of the protocol on it. */
export interface Dialled {
  socket: WebSocket;
  isV2: boolean;
}

/** The server answered, and will have nothing of this key. Trying again is of no use. */
export class KeyRefusedError extends Error {
  override name = 'KeyRefusedError';
}

const handshakeLimit = 30_000;
/** Far above any assignment: a message of this size is an accident. */
const maxMessage = 16 * 1024 * 1024;
/** Of a refusal's body, this much is read for what it says. */
const maxProblem = 65_536;

export function dial({ url, workerId, apiKey, host, signal }: DialOptions): Promise<Dialled> {
  const target = new URL(url);
  target.searchParams.set('worker_id', workerId);
  const agent = createProxyAgent(url, host);
  const socket = new WebSocket(target, [workerLinkV2], {
    headers: { authorization: `Bearer ${apiKey}` },
    perMessageDeflate: false,
    handshakeTimeout: handshakeLimit,
    maxPayload: maxMessage,
    ...(agent === undefined ? {} : { agent }),
  });
  return opened(socket, signal);
}

async function opened(socket: WebSocket, signal: AbortSignal): Promise<Dialled> {
  let isV2 = false;
  socket.on('upgrade', (response: IncomingMessage) => {
    isV2 = response.headers['sec-websocket-protocol'] === workerLinkV2;
    // A stock server chooses none, which the library would take for a failed handshake.
    response.headers['sec-websocket-protocol'] ??= workerLinkV2;
  });
  const abort = () => socket.terminate();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await openOrFailed(socket);
    return { socket, isV2 };
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function openOrFailed(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      // The first message may have come along with the answer, before anybody listens.
      socket.pause();
      resolve();
    });
    socket.once('unexpected-response', (_request, response) => void describeRefusal(response).then(reject, reject));
    // Stays for the socket's whole life: a broken connection is told by its close.
    socket.on('error', reject);
  });
}

async function describeRefusal(response: IncomingMessage): Promise<Error> {
  const status = response.statusCode ?? 0;
  const detail = await readDetail(response);
  const message = `the server answered ${status}${detail ? `: ${detail}` : ''}`;
  return status === 401 || status === 403 ? new KeyRefusedError(message) : new Error(message);
}

/** What a problem+json body says; nothing when it is another, or broken off. */
async function readDetail(response: IncomingMessage): Promise<string | undefined> {
  try {
    let body = '';
    for await (const chunk of response.setEncoding('utf8')) {
      body += String(chunk);
      if (body.length > maxProblem) break;
    }
    const problem = problemSchema.parse(JSON.parse(body));
    return problem.detail ?? problem.title;
  } catch {
    // The status alone tells enough.
    return undefined;
  } finally {
    response.destroy();
  }
}
