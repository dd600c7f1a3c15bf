import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Posts one request after the other over a connection of its own. */
export interface Poster {
  /** Resolves when the answer has come; rejects when it is not 200. */
  post: () => Promise<void>;
  close: () => void;
}

/** By hand, because any client for HTTP would cost this process about as much as a request costs the server. */
export async function connectPoster(url: URL, headers: Record<string, string>, body: string): Promise<Poster> {
  const socket = connect(Number(url.port), url.hostname);
  socket.setNoDelay(true).setEncoding('latin1');
  await once(socket, 'connect');
  const all = { host: url.host, ...headers, 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `POST ${url.pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
  return {
    async post() {
      const answer = nextAnswer(socket);
      socket.write(request);
      const [status = ''] = (await answer).split('\r\n', 1);
      if (status !== 'HTTP/1.1 200 OK') throw new Error(`POST ${url.pathname} was answered with ${status}.`);
    },
    close: () => socket.destroy(),
  };
}

function nextAnswer(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = '';
  const onData = (text: string) => {
    received += text;
    if (isWhole(received)) resolve(received);
  };
  const onClose = () => reject(new Error('The server hung up.'));
  socket.on('data', onData).once('close', onClose);
  return promise.finally(() => socket.off('data', onData).off('close', onClose));
}

function isWhole(answer: string): boolean {
  const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(answer) ?? [];
  const end = answer.indexOf('\r\n\r\n');
  return end > 0 && length !== undefined && answer.length >= end + 4 + Number(length);
}
