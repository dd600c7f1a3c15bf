import { sql, type Kysely } from 'kysely';
import type { ExecutionId } from '../../protocol/ids.ts';
import { liveExecutionStates } from '../../protocol/states.ts';
import type { Schema } from './schema.ts';

const live = sql.join(liveExecutionStates.map((state) => sql.lit(state)));

/** Their worker's connection ended: unless it comes back, they are lost at `lostAt`. */
export async function markUnreachable(
  db: Kysely<Schema>,
  ids: readonly ExecutionId[],
  now: Date,
  lostAt: Date,
): Promise<void> {
  await sql`update executions set unreachable_since = ${now}, lost_at = ${lostAt}
    where id = any (${ids}::uuid[]) and state in (${live})`.execute(db);
}

export async function markReachable(db: Kysely<Schema>, ids: readonly ExecutionId[]): Promise<void> {
  await sql`update executions set unreachable_since = null, lost_at = null
    where id = any (${ids}::uuid[]) and state in (${live})`.execute(db);
}

/**
 * A server starts: no stock worker is connected yet, and the time in which nobody listened is not theirs. Their time to come
 * back, and to answer an offer, begins now.
 */
export async function markAllUnreachable(
  db: Kysely<Schema>,
  now: Date,
  { lostAt, answerBy }: { lostAt: Date; answerBy: Date },
): Promise<void> {
  await sql`update executions set unreachable_since = coalesce(unreachable_since, ${now}), lost_at = ${lostAt},
      answer_by = case state when 'offered' then ${answerBy} else answer_by end
    where state in (${live}) and instance_id is null`.execute(db);
}
