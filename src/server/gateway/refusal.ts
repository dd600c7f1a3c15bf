import type { Duplex } from 'node:stream';
import { CodedError, problemOf } from '../../protocol/errors.ts';

/**
 * Answers an upgrade request with problem+json over plain HTTP: a stock daemon redials an accepted socket at once. The
 * socket is the gateway's own by then: left half open, it would stay for as long as its client likes, and the server
 * could not stop.
 */
export function refuse(socket: Duplex, error: CodedError): void {
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** What an unexpected failure is called towards a worker: come again later. */
export function toRefusal(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  return new CodedError('resource_unavailable', 'The server cannot take a worker right now. Try again.');
}
