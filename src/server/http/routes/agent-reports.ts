import { z } from 'zod';
import { reportedTurnSchema, reportTurnSchema } from '../../../protocol/agent-calls.ts';
import { appendedEntriesSchema, appendEntriesSchema } from '../../../protocol/transcript.ts';
import type { RunService } from '../../runs/run-service.ts';
import { agentFor } from '../access.ts';
import type { App } from '../fastify-app.ts';
import { runParams } from './params.ts';

/** What an agent tells of its own run, see protocol/agent-calls.ts. */
export function agentReportRoutes(app: App, { runs }: { runs: RunService }): void {
  app.put(
    '/agent/runs/:runId/turns/:turn',
    {
      config: { permission: 'runs:report' },
      schema: {
        params: runParams.extend({ turn: z.coerce.number().int().min(1) }),
        body: reportTurnSchema,
        response: { 200: reportedTurnSchema },
      },
    },
    (request) => runs.reportTurn(agentFor(request, request.params.runId), request.params.turn, request.body),
  );

  app.post(
    '/agent/runs/:runId/transcript',
    {
      config: { permission: 'runs:report' },
      schema: { params: runParams, body: appendEntriesSchema, response: { 200: appendedEntriesSchema } },
    },
    (request) => runs.appendEntries(agentFor(request, request.params.runId), request.body.entries),
  );
}
