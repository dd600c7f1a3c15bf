import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import type { Authenticate } from '../auth/authenticate.ts';
import type { People } from '../auth/people.ts';
import type { ConnectedWorkers } from '../gateway/connected-workers.ts';
import type { RunChanges } from '../runs/run-changes.ts';
import type { RunQueries } from '../runs/run-queries.ts';
import type { RunService } from '../runs/run-service.ts';
import type { Database } from '../store/database.ts';
import { createApp } from './app.ts';
import type { App } from './fastify-app.ts';
import { createDownloadLinks } from './download-links.ts';
import { agentReportRoutes } from './routes/agent-reports.ts';
import { healthRoutes } from './routes/health.ts';
import { runStreamRoutes } from './routes/run-streams.ts';
import { runRoutes } from './routes/runs.ts';
import { sessionRoute, signInAndOutRoutes } from './routes/session.ts';
import { transcriptRoutes } from './routes/transcripts.ts';
import { webAppRoutes } from './routes/web-app.ts';
import { workerRoutes } from './routes/workers.ts';

export interface HttpServerOptions {
  db: Database;
  clock: Clock;
  log: Logger;
  runs: RunService;
  queries: RunQueries;
  changes: RunChanges;
  people: People;
  authenticate: Authenticate;
  /** The workers that are connected to this server. */
  connections(): ConnectedWorkers[];
  /** Whether the database answers and is migrated. */
  isReady(): Promise<boolean>;
  downloadKey: Buffer;
  /** What absolute links start with; absent, whatever address a client came by. */
  publicUrl: string | undefined;
  /** The built web app. */
  webFolder: string;
}

export interface HttpServer {
  /** For WebSocket upgrades. */
  server: Server;
  /** Answers the address listened on. */
  listen(address: { host: string; port: number }): Promise<string>;
  /** Ends streams, lets requests finish for a while, then cuts off what is left. */
  close(): Promise<void>;
}

/** How long requests may take to finish when the server stops. In milliseconds. */
const closeLimit = 5_000;

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const stopping = new AbortController();
  const app = await createApp(options);
  const links = createDownloadLinks({ key: options.downloadKey, clock: options.clock });
  healthRoutes(app, options);
  signInAndOutRoutes(app, options);
  await app.register(async (api: App) => addApi(api, { ...options, links, stopping: stopping.signal }), {
    prefix: '/api/v1',
  });
  await app.register(async (web: App) => await webAppRoutes(web, { folder: options.webFolder }));
  return {
    server: app.server,
    listen: async (address) => originOf(await app.listen(address), app),
    close: async () => {
      stopping.abort();
      const cutOff = options.clock.after(closeLimit, () => app.server.closeAllConnections());
      await app.close();
      cutOff();
    },
  };
}

type ApiOptions = Parameters<typeof transcriptRoutes>[1] &
  Parameters<typeof runStreamRoutes>[1] &
  Pick<HttpServerOptions, 'runs' | 'connections'>;

/** Everything below /api/v1, by the published description. */
function addApi(api: App, options: ApiOptions): void {
  runRoutes(api, options);
  transcriptRoutes(api, options);
  runStreamRoutes(api, options);
  agentReportRoutes(api, options);
  workerRoutes(api, options);
  sessionRoute(api, options);
}

/** An address that a browser on this machine can open, also where the server listens on all of them. */
function originOf(listened: string, app: App): string {
  const { address, port } = app.server.address() as AddressInfo;
  return address === '0.0.0.0' || address === '::' ? `http://localhost:${port}` : listened;
}
