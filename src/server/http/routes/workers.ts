import { z } from 'zod';
import type { ConnectedWorkers } from '../../gateway/connected-workers.ts';
import { principalOf } from '../access.ts';
import type { App } from '../fastify-app.ts';

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
