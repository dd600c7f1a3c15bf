import { sql } from 'kysely';
import type { RunId } from '../../protocol/ids.ts';
import type { StatusMessage } from '../../protocol/runs.ts';
import { liveExecutionStates, type RunState } from '../../protocol/states.ts';
import type { Entry } from '../../protocol/transcript.ts';
import type { Database } from './database.ts';

/** An event that tells of a state of the run itself. */
export interface StateEvent {
  sequence: string;
  data: { state: RunState; status_message: StatusMessage | null };
  occurred_at: Date;
}

/** What the run has come to, and whether an execution of it lives. */
export async function findRunLife(db: Database, runId: RunId): Promise<{ state: RunState; is_executing: boolean }> {
  return await db
    .selectFrom('runs')
    .select('state')
    .select((of) =>
      of
        .exists(
          of
            .selectFrom('executions')
            .where('run_id', '=', runId)
            .where('state', 'in', liveExecutionStates)
            .select('id'),
        )
        .$castTo<boolean>()
        .as('is_executing'),
    )
    .where('id', '=', runId)
    .executeTakeFirstOrThrow();
}

/** Transcript entries beyond an index, in order. */
export async function entriesAfter(db: Database, runId: RunId, index: number, limit?: number): Promise<Entry[]> {
  const rows = db
    .selectFrom('transcript_entries')
    .select('entry')
    .where('run_id', '=', runId)
    .where('index', '>', index)
    .orderBy('index');
  const found = await (limit === undefined ? rows : rows.limit(limit)).execute();
  return found.map((row) => row.entry);
}

/** Console chunks of all the run's executions beyond an id, in the order in which they came in. */
export async function consoleAfter(db: Database, runId: RunId, id: number, limit: number) {
  return await db
    .selectFrom('console_chunks')
    .select(['id', 'stream', 'byte_offset', 'data'])
    .where('run_id', '=', runId)
    .where(sql<boolean>`id > ${id}`)
    .orderBy('id')
    .limit(limit)
    .execute();
}

export async function stateEventsAfter(
  db: Database,
  runId: RunId,
  sequence: number,
  limit: number,
): Promise<StateEvent[]> {
  const { rows } = await sql<StateEvent>`
    select sequence, data, occurred_at from events
    where run_id = ${runId} and sequence > ${sequence} and data ? 'state'
    order by sequence limit ${limit}`.execute(db);
  return rows;
}
