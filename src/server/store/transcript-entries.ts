import { sql, type Kysely } from 'kysely';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { Entry } from '../../protocol/transcript.ts';
import { toJson } from './json.ts';
import type { Schema } from './schema.ts';

interface Writer {
  runId: RunId;
  executionId: ExecutionId;
  fence: number;
}

/**
 * Stores those of the entries, numbered without a gap, that continue the run's transcript, and answers the index that
 * comes next; undefined when the writer is no longer the run's newest execution or its offer was withdrawn. The lock on
 * the run keeps a newer execution from being offered in between.
 */
export async function insertEntries(
  db: Kysely<Schema>,
  writer: Writer,
  entries: readonly Entry[],
): Promise<number | undefined> {
  const indexes = entries.map(({ index }) => index);
  const { rows } = await sql<{ next: number; stored: number | null }>`
    with writer as materialized (
      select r.id from runs r join executions e on e.run_id = r.id
      where r.id = ${writer.runId} and r.fence = ${writer.fence} and e.id = ${writer.executionId} and e.state <> 'withdrawn'
      for share of r
    ),
    expected as (
      select coalesce(max(index) + 1, 0) as next from transcript_entries where run_id = ${writer.runId}
    ),
    stored as (
      insert into transcript_entries (run_id, index, execution_id, entry)
      select writer.id, given.index, ${writer.executionId}::uuid, given.entry::jsonb
      from writer, expected, unnest(${indexes}::int[], ${entries.map(toJson)}::text[]) as given (index, entry)
      where given.index >= expected.next and expected.next >= ${indexes[0] ?? 0}::int
      on conflict do nothing
      returning index
    )
    select expected.next, (select max(index) + 1 from stored) as stored from writer, expected`.execute(db);
  const row = rows[0];
  return row && Math.max(row.next, row.stored ?? 0);
}

export async function nextEntryIndex(db: Kysely<Schema>, runId: RunId): Promise<number> {
  const { next } = await db
    .selectFrom('transcript_entries')
    .select(sql<number>`coalesce(max(index) + 1, 0)`.as('next'))
    .where('run_id', '=', runId)
    .executeTakeFirstOrThrow();
  return next;
}
