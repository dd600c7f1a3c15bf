import { z } from 'zod';

/** `GET /session`: who is signed in, for the web app. */
export const sessionSchema = z.object({
  user: z.object({ id: z.string(), name: z.string(), email: z.string() }),
  team: z.object({ id: z.string(), name: z.string() }),
});
export type Session = z.infer<typeof sessionSchema>;

/** `GET /agent/connected-self-hosted-workers`: one item a worker id of the team. */
export const connectedWorkersSchema = z.object({
  workers: z.array(
    z.object({
      worker_host: z.string(),
      connection_count: z.int().min(1),
      connected_at: z.iso.datetime({ offset: true }),
      last_seen_at: z.iso.datetime({ offset: true }),
    }),
  ),
});
export type ConnectedWorkers = z.infer<typeof connectedWorkersSchema>;
