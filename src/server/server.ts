import type { Pool } from 'pg';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { createAuthenticate } from './auth/authenticate.ts';
import { createLazyPeople } from './auth/lazy-people.ts';
import { deriveKey } from './auth/master-key.ts';
import { hashToken, mintToken } from './auth/tokens.ts';
import type { ServerConfig } from './config.ts';
import { createGateway } from './gateway/gateway.ts';
import { createHttpServer } from './http/http-server.ts';
import { createRunChanges } from './runs/run-changes.ts';
import { createRunQueries } from './runs/run-queries.ts';
import { createRuns } from './runs/runs.ts';
import type { Database } from './store/database.ts';
import { isMigrated } from './store/migrations.ts';

/** Everything a server is, but for its database and its process. */
export interface OzServer {
  /** Answers the address that it can be reached by from this machine. */
  listen(): Promise<string>;
  /** Ends streams and connections, lets requests finish for a while. The database stays. */
  close(): Promise<void>;
}

export interface ServerDeps {
  db: Database;
  pool: Pool;
  clock: Clock;
  log: Logger;
  masterKey: Buffer;
  migrationsFolder: string;
  /** The built web app. */
  webFolder: string;
}

/** How long a stopping server waits for a database that is away. In milliseconds. */
const databaseWait = 5_000;

export async function createServer(config: ServerConfig, deps: ServerDeps): Promise<OzServer> {
  const { db, pool, clock, log, masterKey, migrationsFolder } = deps;
  let url = config.publicUrl;
  const changes = createRunChanges();
  const runs = createRuns({ db, clock, log, changes, settings: config, mintToken: mintRunToken });
  const people = createLazyPeople(() => ({
    pool,
    secret: deriveKey(masterKey, 'sessions'),
    publicUrl: url ?? 'http://localhost',
    log,
  }));
  const authenticate = createAuthenticate({ db, people, clock, log });
  const gateway = createGateway({ link: runs.link, authenticate, clock, log });
  const http = await createHttpServer({
    ...deps,
    runs: runs.service,
    queries: createRunQueries({ db, clock, whyWaiting: (run) => runs.service.whyWaiting(run) }),
    changes,
    people,
    authenticate,
    connections: () => gateway.connections(),
    isReady: () => isMigrated(db, migrationsFolder),
    downloadKey: deriveKey(masterKey, 'downloads'),
    publicUrl: config.publicUrl,
  });
  http.server.on('upgrade', (request, socket, head) => gateway.handleUpgrade(request, socket, head));
  return {
    async listen() {
      await runs.start();
      const listened = await http.listen(config);
      url ??= listened;
      return listened;
    },
    async close() {
      const giveUp = clock.after(databaseWait, () => runs.giveUp());
      await Promise.all([gateway.close(), http.close()]);
      giveUp();
      await runs.stop();
    },
  };
}

function mintRunToken(): { token: string; hash: Buffer } {
  const token = mintToken('run');
  return { token, hash: hashToken(token) };
}
