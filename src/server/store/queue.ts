import { sql, type Kysely } from 'kysely';
import type { Schema } from './schema.ts';

export interface QueueLength {
  team_id: string;
  host: string;
  waiting: number;
}

/** Every queue that is not empty; '' is the host of the queue for any worker. */
export async function queueLengths(db: Kysely<Schema>): Promise<QueueLength[]> {
  const { rows } = await sql<QueueLength>`
    select team_id, coalesce(worker_host, '') as host, count(*)::int as waiting
    from runs where state = 'QUEUED' group by 1, 2`.execute(db);
  return rows;
}
