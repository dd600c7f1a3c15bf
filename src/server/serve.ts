import { once } from 'node:events';
import { join } from 'node:path';
import type { Clock } from '../common/clock.ts';
import { createLogger, type Logger } from '../common/logger.ts';
import { version } from '../common/version.ts';
import { makeFirstAdmin } from './auth/first-boot.ts';
import { loadMasterKey } from './auth/master-key.ts';
import type { ServerConfig } from './config.ts';
import { checkAddress, describeListening, refusalToListen } from './listening.ts';
import { removeRunningServer, writeRunningServer } from './running-server.ts';
import { createServer, type OzServer } from './server.ts';
import { hasStore, openStore } from './store/open-store.ts';
import type { OpenDatabase } from './store/database.ts';
import { throughOutage } from './store/through-outage.ts';
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
  try {
    await start(config, { log, clock, migrationsFolder, packageRoot, stop: stop.signal });
  } catch (error) {
    // It may be asked to stop while it still waits for its database.
    if (!wasAsked(error)) throw error;
  } finally {
    stop.ignore();
  }
}

interface Surroundings extends ServeOptions {
  log: Logger;
  migrationsFolder: string;
  stop: AbortSignal;
}

async function start(config: ServerConfig, around: Surroundings): Promise<void> {
  // A folder in use is told by the folder's name, whatever else would be in the way, too.
  if (!(await hasStore(config))) await checkAddress(config);
  const store = await openStore({ ...config, ...around });
  try {
    await serveStore(config, store, around);
  } finally {
    await store.close();
    around.log.info('Stopped.');
  }
}

async function serveStore(config: ServerConfig, store: OpenDatabase, around: Surroundings): Promise<void> {
  const { log, stop, packageRoot } = around;
  const masterKey = config.masterKey ?? (await loadMasterKey(config.dataDir));
  if (await throughOutage(around, () => makeFirstAdmin(store.db))) log.info(firstStart);
  const webFolder = join(packageRoot, 'dist', 'web');
  const server = await createServer(config, { ...store, ...around, masterKey, webFolder });
  try {
    const url = await throughOutage(around, () => listen(server, config));
    await writeRunningServer(config.dataDir, url);
    log.info({ url, version, data_dir: config.dataDir }, describeListening(url, config));
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
  if (wasAsked(reason)) return;
  log.fatal({ err: reason }, 'An error that nobody caught stops the server.');
  throw reason;
}

/** Whether the stop was asked for, by a signal or by the parent's end, and not forced by a fault. */
function wasAsked(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'AbortError';
}

async function listen(server: OzServer, config: ServerConfig): Promise<string> {
  try {
    return await server.listen();
  } catch (error) {
    throw refusalToListen(error as NodeJS.ErrnoException, config);
  }
}
