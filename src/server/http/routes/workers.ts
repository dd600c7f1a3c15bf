import { z } from 'zod';
import { principalOf } from '../access.ts';
import type { App } from '../fastify-app.ts';

/** The workers of one id that are connected right now, times in ISO 8601. */
export interface ConnectedWorkers {
  team_id: string;
  worker_host: string;
  connection_count: number;
  connected_at: string;
  last_seen_at: string;
}

const connectedWorkersSchema = z.object({
  workers: z.array(
    z.object({
      worker_host: z.string(),
      connection_count: z.int(),
      connected_at: z.string(),
      last_seen_at: z.string(),
    }),
  ),
});

export function workerRoutes(app: App, { connections }: { connections: () => ConnectedWorkers[] }): void {
  app.get(
    '/agent/connected-self-hosted-workers',
    { config: { permission: 'workers:read' }, schema: { response: { 200: connectedWorkersSchema } } },
    (request) => {
      const { teamId } = principalOf(request);
      return { workers: connections().filter((worker) => worker.team_id === teamId) };
    },
  );
}
