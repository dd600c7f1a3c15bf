import { randomUUID } from 'node:crypto';
import type { ExecutionId, RunId } from '../../src/protocol/ids.ts';
import type { Database } from '../../src/server/store/database.ts';

/** A claimed execution of a run, as if a worker had taken it: for tests of what reads it. */
export async function insertExecution(
  db: Database,
  { runId, tokenHash }: { runId: RunId; tokenHash: Buffer },
): Promise<ExecutionId> {
  const id = randomUUID() as ExecutionId;
  const run = await db.selectFrom('runs').select('team_id').where('id', '=', runId).executeTakeFirstOrThrow();
  const key = await db.selectFrom('api_keys').select('id').where('team_id', '=', run.team_id).executeTakeFirstOrThrow();
  const facts = { fence: 1, state: 'claimed' as const, worker_id: 'w', offered_at: new Date() };
  await db
    .insertInto('executions')
    .values({ id, run_id: runId, team_id: run.team_id, api_key_id: key.id, token_hash: tokenHash, ...facts })
    .execute();
  return id;
}
