import { once } from 'node:events';
import { join } from 'node:path';
import type { Clock } from '../common/clock.ts';
import { createLogger, type Logger } from '../common/logger.ts';
import { version } from '../common/version.ts';
import { CodedError } from '../protocol/errors.ts';
import { makeFirstAdmin } from './auth/first-boot.ts';
import { loadMasterKey } from './auth/master-key.ts';
import type { ServerConfig } from './config.ts';
import { removeRunningServer, writeRunningServer } from './running-server.ts';
import { createServer, type OzServer } from './server.ts';
import { openStore } from './store/open-store.ts';
import type { OpenDatabase } from './store/database.ts';
import { listenForStop } from './stop-requests.ts';

export interface ServeOptions {
  packageRoot: string;
  clock: Clock;
}

const firstStart =
  'This is the first start: an admin and a team were made. `oz-server sign-in-link` lets you in, and ' +
  '`oz-server api-key create` makes keys.';

/** Runs the server until it is asked to stop; then everything it has started is stopped with it, the database last. */
export async function serve(config: ServerConfig, { packageRoot, clock }: ServeOptions): Promise<void> {
  const log = createLogger({ name: 'oz-server', level: config.logLevel });
  const stop = listenForStop(process);
  const migrationsFolder = join(packageRoot, 'migrations');
  const store = await openStore({ ...config, migrationsFolder, log, clock });
  try {
    await serveStore(config, store, { log, clock, migrationsFolder, packageRoot, stop: stop.signal });
  } finally {
    await store.close();
    stop.ignore();
    log.info('Stopped.');
  }
}

interface Surroundings extends ServeOptions {
  log: Logger;
  migrationsFolder: string;
  stop: AbortSignal;
}

async function serveStore(config: ServerConfig, store: OpenDatabase, around: Surroundings): Promise<void> {
  const { log, stop, packageRoot } = around;
  const masterKey = config.masterKey ?? (await loadMasterKey(config.dataDir));
  if (await makeFirstAdmin(store.db)) log.info(firstStart);
  const webFolder = join(packageRoot, 'dist', 'web');
  const server = await createServer(config, { ...store, ...around, masterKey, webFolder });
  try {
    const url = await listen(server, config);
    await writeRunningServer(config.dataDir, url);
    log.info({ url, version, data_dir: config.dataDir }, `Listening on ${url}.`);
    // A parent that has died meanwhile need not be told; that its channel is closed ends the server in order.
    process.send?.({ type: 'listening', url }, () => undefined);
    if (!stop.aborted) await once(stop, 'abort');
    refuseFault(stop.reason, log);
    log.info('Stopping.');
  } finally {
    await removeRunningServer(config.dataDir);
    await server.close();
  }
}

/** A server whose code failed in a place that nobody looks after is in an unknown state: it stops, with an error. */
function refuseFault(reason: unknown, log: Logger): void {
  const wasAsked = reason instanceof DOMException && reason.name === 'AbortError';
  if (wasAsked) return;
  log.fatal({ err: reason }, 'An error that nobody caught stops the server.');
  throw reason;
}

async function listen(server: OzServer, { host, port }: ServerConfig): Promise<string> {
  try {
    return await server.listen();
  } catch (error) {
    throw refusalToListen(error as NodeJS.ErrnoException, `port ${port} of ${host}`);
  }
}

function refusalToListen(error: NodeJS.ErrnoException, place: string): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program already listens there. Choose another with --port.',
    EACCES: 'this user may not listen there. Choose a port above 1023 with --port.',
    EADDRNOTAVAIL: 'this machine does not have that address. Choose another with --host.',
    ENOTFOUND: 'this machine does not have that address. Choose another with --host.',
  };
  const reason = reasons[error.code ?? ''];
  return reason === undefined ? error : new CodedError('resource_unavailable', `Cannot listen on ${place}: ${reason}`);
}
