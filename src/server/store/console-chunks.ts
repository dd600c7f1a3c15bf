import { sql, type Kysely } from 'kysely';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { ConsoleStream } from '../../protocol/streams.ts';
import type { WorkerIdentity } from './executions.ts';
import type { Schema } from './schema.ts';

export interface ConsoleChunk {
  run_id: RunId;
  execution_id: ExecutionId;
  stream: ConsoleStream;
  byte_offset: number;
  data: Buffer;
}

/** Bytes of an execution's stream that are stored; undefined for an execution that was never this worker's. */
export async function storedConsole(
  db: Kysely<Schema>,
  worker: WorkerIdentity,
  executionId: ExecutionId,
  stream: ConsoleStream,
): Promise<{ run_id: RunId; stored: number } | undefined> {
  const { rows } = await sql<{ run_id: RunId; stored: string }>`
    select e.run_id, coalesce(
      (select c.byte_offset + length(c.data) from console_chunks c
        where c.execution_id = e.id and c.stream = ${stream} order by c.byte_offset desc limit 1), 0) as stored
    from executions e
    where e.id = ${executionId} and e.team_id = ${worker.teamId} and e.worker_id = ${worker.workerId}`.execute(db);
  return rows[0] && { run_id: rows[0].run_id, stored: Number(rows[0].stored) };
}

/**
 * All or nothing: where another connection has stored its chunk at one of these offsets, this fails. Each of a stream's
 * chunks so begins where the one before it ends, because an offset is given away once.
 */
export async function insertConsole(db: Kysely<Schema>, chunks: readonly ConsoleChunk[]): Promise<void> {
  await db
    .insertInto('console_chunks')
    .values([...chunks])
    .execute();
}
