import { sql, type Kysely } from 'kysely';
import type { ExecutionId } from '../../protocol/ids.ts';
import type { ConsoleStream } from '../../protocol/streams.ts';
import type { Schema } from './schema.ts';

export type StoredConsole = Partial<Record<ConsoleStream, number>>;

/** Bytes of each stream that are stored, of those executions that have any. */
export async function storedConsoles(
  db: Kysely<Schema>,
  ids: readonly ExecutionId[],
): Promise<Map<ExecutionId, StoredConsole>> {
  const { rows } = await sql<{ execution_id: ExecutionId; stream: ConsoleStream; stored: string }>`
    select distinct on (execution_id, stream) execution_id, stream, byte_offset + length(data) as stored
    from console_chunks where execution_id = any (${ids}::uuid[])
    order by execution_id, stream, byte_offset desc`.execute(db);
  const stored = new Map<ExecutionId, StoredConsole>();
  for (const row of rows) {
    stored.set(row.execution_id, { ...stored.get(row.execution_id), [row.stream]: Number(row.stored) });
  }
  return stored;
}
