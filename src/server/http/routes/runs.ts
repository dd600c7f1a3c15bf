import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CodedError } from '../../../protocol/errors.ts';
import { runIdSchema } from '../../../protocol/ids.ts';
import {
  createdRunSchema,
  createRunSchema,
  listRunsQuerySchema,
  runItemSchema,
  runListSchema,
  runSourceSchema,
  type RunSource,
} from '../../../protocol/runs.ts';
import type { RunQueries } from '../../runs/run-queries.ts';
import type { RunService } from '../../runs/run-service.ts';
import { principalFor, principalOf } from '../access.ts';
import type { App } from '../fastify-app.ts';
import { runParams } from './params.ts';

export function runRoutes(app: App, { runs, queries }: { runs: RunService; queries: RunQueries }): void {
  // The first is the older name.
  for (const url of ['/agent/run', '/agent/runs']) {
    const schema = { body: createRunSchema, response: { 200: createdRunSchema } };
    app.post(url, { config: { permission: 'runs:create' }, schema }, (request) =>
      runs.create(principalOf(request), {
        body: request.body,
        source: sourceOf(request),
        idempotencyKey: idempotencyKeyOf(request),
      }),
    );
  }

  app.get(
    '/agent/runs',
    {
      config: { permission: 'runs:read' },
      schema: { querystring: listRunsQuerySchema, response: { 200: runListSchema } },
    },
    (request) => queries.list(principalOf(request), request.query),
  );

  app.get(
    '/agent/runs/:runId',
    { config: { permission: 'runs:read' }, schema: { params: runParams, response: { 200: runItemSchema } } },
    (request) => queries.get(principalFor(request, request.params.runId), request.params.runId),
  );

  // The second is the older name.
  for (const url of ['/agent/runs/:runId/cancel', '/agent/tasks/:runId/cancel']) {
    const schema = { params: runParams, response: { 200: runIdSchema } };
    app.post(url, { config: { permission: 'runs:cancel' }, schema }, async (request, reply) => {
      const { runId } = request.params;
      await runs.cancel(principalOf(request), runId);
      // Fastify takes a string for a finished body; clients expect it as JSON.
      return reply.type('application/json').serializer(JSON.stringify).send(runId);
    });
  }
}

/** What made a run: clients say it themselves, and a person's session is the web app's. */
function sourceOf(request: FastifyRequest): RunSource {
  const said = runSourceSchema.safeParse(request.headers['x-oz-api-source']);
  if (said.success) return said.data;
  return principalOf(request).kind === 'user' ? 'WEB_APP' : 'API';
}

const idempotencyKeySchema = z.string().min(1).max(255).optional();

function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const parsed = idempotencyKeySchema.safeParse(headers['idempotency-key']);
  if (parsed.success) return parsed.data;
  throw new CodedError('invalid_request', 'The Idempotency-Key header must be 1 to 255 characters long.');
}
