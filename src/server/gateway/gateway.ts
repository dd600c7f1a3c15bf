import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { CodedError } from '../../protocol/errors.ts';
import { workerLinkV2 } from '../../protocol/worker-link.ts';
import type { Principal } from '../auth/principal.ts';
import type { Runs } from '../runs/runs.ts';
import { admit } from './admission.ts';
import { connectedWorkers, type ConnectedWorkers } from './connected-workers.ts';
import { refuse, toRefusal } from './refusal.ts';
import { openWorkerSocket, type WorkerSocket } from './worker-socket.ts';

export interface GatewayOptions {
  link: Runs['link'];
  /** Who a request is from; throws a `CodedError` when nobody known. */
  authenticate: (headers: IncomingHttpHeaders) => Promise<Principal>;
  clock: Clock;
  log: Logger;
  /** Spreads the first pings, from 0 to below 1. */
  random?: () => number;
}

/** Where workers connect. */
export interface Gateway {
  /** For `server.on('upgrade')`. Refuses with an HTTP status, or upgrades and links the worker. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  connections(): ConnectedWorkers[];
  /** Takes no more workers, closes every connection, and resolves when all they said has been handled. */
  close(): Promise<void>;
}

/** Bytes of one message, at most. */
const maxPayload = 1024 * 1024;
/** For workers to answer a close; in milliseconds. */
const closeTimeout = 2_000;

export function createGateway({ link, authenticate, clock, log, random = Math.random }: GatewayOptions): Gateway {
  const webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload,
    clientTracking: false,
    handleProtocols: (offered) => offered.has(workerLinkV2) && workerLinkV2,
  });
  const open = new Set<WorkerSocket>();
  let stopping = false;

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    refuseWhenStopping();
    const worker = await admit(request, authenticate);
    refuseWhenStopping();
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const workerSocket = openWorkerSocket({ socket: webSocket, worker, link, clock, log, random });
      open.add(workerSocket);
      log.info({ worker: worker.workerId, team: worker.teamId }, 'A worker has connected.');
      void workerSocket.closed.finally(() => {
        open.delete(workerSocket);
        log.info({ worker: worker.workerId, team: worker.teamId }, 'A worker’s connection has ended.');
      });
    });
  }

  function refuseWhenStopping(): void {
    if (stopping) throw new CodedError('resource_unavailable', 'The server is stopping. Try again.');
  }

  return {
    handleUpgrade(request, socket, head) {
      // A client that goes away during its admission has nothing to be told.
      socket.on('error', (error) => log.debug({ err: error }, 'A socket broke before its upgrade.'));
      upgrade(request, socket, head).catch((error: unknown) => {
        if (!(error instanceof CodedError)) log.error({ err: error }, 'A worker could not be admitted.');
        refuse(socket, toRefusal(error));
      });
    },
    connections: () => connectedWorkers(open),
    async close() {
      stopping = true;
      const closed = [...open].map((workerSocket) => workerSocket.closed);
      for (const workerSocket of open) workerSocket.close();
      const cancel = clock.after(closeTimeout, () => open.forEach((workerSocket) => workerSocket.terminate()));
      await Promise.all(closed);
      cancel();
    },
  };
}
