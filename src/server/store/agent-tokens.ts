import type { Database } from './database.ts';

/** The execution whose agent has the token with this hash, if it lives or ended no earlier than `endedSince`. */
export async function findExecutionByToken(db: Database, hash: Buffer, endedSince: Date) {
  return await db
    .selectFrom('executions')
    .select(['id', 'run_id', 'team_id', 'fence'])
    .where('token_hash', '=', hash)
    .where((where) => where.or([where('ended_at', 'is', null), where('ended_at', '>', endedSince)]))
    .executeTakeFirst();
}
