import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { conversationSchema, transcriptSchema } from '../../../protocol/transcript.ts';
import { foldConversation } from '../../runs/conversation.ts';
import type { RunQueries } from '../../runs/run-queries.ts';
import { principalFor } from '../access.ts';
import type { App } from '../fastify-app.ts';
import type { DownloadLinks } from '../download-links.ts';
import { runParams } from './params.ts';

export interface TranscriptDeps {
  queries: RunQueries;
  links: DownloadLinks;
  publicUrl: string | undefined;
}

export function transcriptRoutes(app: App, { queries, links, publicUrl }: TranscriptDeps): void {
  app.get(
    '/agent/runs/:runId/transcript',
    { config: { permission: 'runs:read' }, schema: { params: runParams } },
    async (request, reply) => {
      const { runId } = request.params;
      await queries.get(principalFor(request, runId), runId);
      const origin = publicUrl ?? originOf(request);
      return reply.redirect(`${origin}/api/v1/downloads/transcripts/${runId}?${links.sign(runId)}`, 302);
    },
  );

  // The signature in the address is the credential: it is what a download tool gets by the redirect.
  app.get(
    '/downloads/transcripts/:runId',
    {
      config: { permission: 'public' },
      schema: {
        params: runParams,
        querystring: z.object({ expires: z.string(), signature: z.string() }),
        response: { 200: transcriptSchema },
      },
    },
    async (request) => {
      const { runId } = request.params;
      links.verify(runId, request.query);
      return { run_id: runId, entries: await queries.allEntries(runId) };
    },
  );

  app.get(
    '/agent/runs/:runId/conversation',
    { config: { permission: 'runs:read' }, schema: { params: runParams, response: { 200: conversationSchema } } },
    async (request) => {
      const { runId } = request.params;
      const run = await queries.get(principalFor(request, runId), runId);
      return foldConversation(run.conversation_id, await queries.allEntries(runId));
    },
  );
}

function originOf({ protocol, host }: FastifyRequest): string {
  return `${protocol}://${host}`;
}
