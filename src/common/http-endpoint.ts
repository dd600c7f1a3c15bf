import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A small HTTP server of a program that is none: its health, its metrics. */
export interface HttpEndpoint {
  readonly url: string;
  close(): Promise<void>;
}

/** `port` 0 takes any free one. Throws a sentence that names `what` is to listen and what is in the way. */
export async function openHttpEndpoint(
  what: string,
  { host, port }: { host: string; port: number },
  answer: RequestListener,
): Promise<HttpEndpoint> {
  const server = createServer(answer);
  server.setTimeout(patience);
  server.maxConnections = mostConnections;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`${what} cannot listen on ${host}:${port}: ${inWords(error as NodeJS.ErrnoException)}.`, {
      cause: error,
    });
  }
  // Whoever asks does not keep the program from its end.
  server.unref();
  const { address, family, port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Whoever connects and says nothing must not use up the files that the program may open. In milliseconds. */
const patience = 5_000;
const mostConnections = 100;

function inWords({ code, message }: NodeJS.ErrnoException): string {
  return code === 'EADDRINUSE' ? 'another program uses this port' : message;
}
