import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../../common/clock.ts';
import { createConsoleStreamReader } from '../../runs/console-stream.ts';
import type { RunChanges } from '../../runs/run-changes.ts';
import type { RunQueries } from '../../runs/run-queries.ts';
import { createRunStreamReader } from '../../runs/run-stream.ts';
import type { Database } from '../../store/database.ts';
import { principalFor } from '../access.ts';
import type { App } from '../fastify-app.ts';
import { sendEventStream } from '../event-stream.ts';
import { runParams } from './params.ts';

export interface RunStreamDeps {
  db: Database;
  queries: RunQueries;
  changes: RunChanges;
  clock: Clock;
  stopping: AbortSignal;
}

const streams = [
  { url: '/agent/runs/:runId/stream', createReader: createRunStreamReader },
  { url: '/agent/runs/:runId/console/stream', createReader: createConsoleStreamReader },
];

/** A run's life as server-sent events, see protocol/streams.ts. */
export function runStreamRoutes(app: App, { db, queries, changes, clock, stopping }: RunStreamDeps): void {
  const querystring = z.object({ follow: z.enum(['true', 'false']).default('true') });
  for (const { url, createReader } of streams) {
    app.get(
      url,
      { config: { permission: 'runs:read' }, schema: { params: runParams, querystring } },
      async (request, reply) => {
        const { runId } = request.params;
        await queries.get(principalFor(request, runId), runId);
        await sendEventStream(reply, {
          read: createReader(db, runId, lastEventIdOf(request)),
          watch: (onNews) => changes.watch(runId, onNews),
          follow: request.query.follow === 'true',
          clock,
          stopping,
        });
        return reply;
      },
    );
  }
}

function lastEventIdOf({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}
