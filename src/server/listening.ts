import { once } from 'node:events';
import { createServer } from 'node:net';
import { CodedError } from '../protocol/errors.ts';
import type { ServerConfig } from './config.ts';

type Address = Pick<ServerConfig, 'host' | 'port'>;

/** Refuses an address that nobody could listen on now, before anything is made for a server that would not start. */
export async function checkAddress(address: Address): Promise<void> {
  const probe = createServer();
  try {
    probe.listen(address);
    await once(probe, 'listening');
  } catch (error) {
    throw refusalToListen(error as NodeJS.ErrnoException, address);
  }
  probe.close();
  await once(probe, 'close');
}

/** What to tell of a failure to listen: why, and which flag mends it. */
export function refusalToListen(error: NodeJS.ErrnoException, { host, port }: Address): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program already listens there. Choose another with --port.',
    EACCES: 'this user may not listen there. Choose a port above 1023 with --port.',
    EADDRNOTAVAIL: 'this machine does not have that address. Choose another with --host.',
    ENOTFOUND: 'this machine does not have that address. Choose another with --host.',
  };
  const reason = reasons[error.code ?? ''];
  if (reason === undefined) return error;
  return new CodedError('resource_unavailable', `Cannot listen on port ${port} of ${host}: ${reason}`);
}

/** For the log: an address that a browser can open hides that others can reach it too. */
export function describeListening(url: string, { host }: Address): string {
  const isEverywhere = host === '0.0.0.0' || host === '::';
  return `Listening on ${url}${isEverywhere ? ' and on every other address of this machine' : ''}.`;
}
