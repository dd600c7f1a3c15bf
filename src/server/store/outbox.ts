import { sql, type Kysely } from 'kysely';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { WorkerIdentity } from './executions.ts';
import type { Schema } from './schema.ts';

export interface PendingCancellation {
  id: string;
  run_id: RunId;
  execution_id: ExecutionId;
  team_id: string;
  worker_id: string;
  api_key_id: string;
  /** Null for a stock daemon. */
  instance_id: string | null;
}

/** What has not been said yet, about some executions or to one stock worker, in the order of its writing. */
export function pendingCancellations(
  db: Kysely<Schema>,
  about: { executionIds: readonly ExecutionId[] } | WorkerIdentity,
): Promise<PendingCancellation[]> {
  const all = db
    .selectFrom('outbox as o')
    .innerJoin('executions as e', 'e.id', 'o.execution_id')
    .select(['o.id', 'o.run_id', 'o.execution_id', 'e.team_id', 'e.worker_id', 'e.api_key_id', 'e.instance_id'])
    .where('o.topic', '=', 'task_cancellation')
    .orderBy('o.id');
  if ('executionIds' in about) {
    return all.where(sql<boolean>`o.execution_id = any (${about.executionIds}::uuid[])`).execute();
  }
  return all
    .where('e.instance_id', 'is', null)
    .where('e.team_id', '=', about.teamId)
    .where('e.worker_id', '=', about.workerId)
    .where('e.api_key_id', '=', about.keyId)
    .execute();
}

export async function deleteCancellations(db: Kysely<Schema>, ids: readonly string[]): Promise<void> {
  await db.deleteFrom('outbox').where('id', 'in', ids).execute();
}

/** Forgets what nobody came to hear. */
export async function deleteCancellationsBefore(db: Kysely<Schema>, before: Date): Promise<void> {
  await db.deleteFrom('outbox').where('created_at', '<', before).execute();
}
