import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { AgentConfig, RunSource } from '../../protocol/runs.ts';
import type { ExecutionState, RunState } from '../../protocol/states.ts';
import type { ConsoleStream } from '../../protocol/streams.ts';
import type { Entry } from '../../protocol/transcript.ts';

/** The tables as migrations/ makes them, for the query builder. The tables of sign-in belong to better-auth alone. */
export interface Schema {
  users: { id: string; name: string; email: string };
  teams: { id: string; number: Generated<number>; name: string; created_at: Generated<Date> };
  team_members: { team_id: string; user_id: string; role: 'admin' | 'member' };
  api_keys: ApiKeysTable;
  runs: RunsTable;
  executions: ExecutionsTable;
  events: EventsTable;
  outbox: OutboxTable;
  transcript_entries: { run_id: RunId; index: number; execution_id: ExecutionId; entry: Json<Entry> };
  console_chunks: ConsoleChunksTable;
  idempotency_keys: IdempotencyKeysTable;
}

/** Read as a parsed value; written as text, which Postgres parses. */
type Json<T extends object> = JSONColumnType<T>;
/** Postgres sends a bigint as text. */
type BigInt = ColumnType<string, never, never>;

interface ApiKeysTable {
  id: string;
  team_id: string;
  name: string;
  key_hash: Buffer;
  key_suffix: string;
  created_at: Generated<Date>;
  last_used_at: Date | null;
  expires_at: Date | null;
}

interface RunsTable {
  id: RunId;
  team_id: string;
  state: RunState;
  fence: Generated<number>;
  title: string;
  prompt: string;
  config: Json<AgentConfig>;
  worker_host: string | null;
  source: RunSource;
  creator_type: 'user' | 'service_account';
  creator_uid: string;
  conversation_id: string;
  parent_run_id: RunId | null;
  metadata: Json<Record<string, string>>;
  status_message: string | null;
  error_code: ErrorCode | null;
  retryable: boolean | null;
  attempts: Generated<number>;
  max_attempts: number | null;
  setbacks: Generated<number>;
  created_at: Date;
  updated_at: Date;
  queued_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
}

export type EndIntent = 'cancelled' | 'time_limit';

interface ExecutionsTable {
  id: ExecutionId;
  run_id: RunId;
  team_id: string;
  fence: number;
  state: ExecutionState;
  worker_id: string;
  api_key_id: string;
  token_hash: Buffer;
  turn: Generated<number>;
  outcome_turn: Generated<number>;
  cancel_requested_at: Date | null;
  end_intent: EndIntent | null;
  answer_by: Date | null;
  time_limit_at: Date | null;
  unreachable_since: Date | null;
  lost_at: Date | null;
  instance_id: string | null;
  lease_until: Date | null;
  fence_after_seconds: number | null;
  offered_at: Date;
  claimed_at: Date | null;
  started_at: Date | null;
  ended_at: Date | null;
  end_reason: string | null;
  exit_code: number | null;
  teardown_problem: string | null;
}

interface EventsTable {
  sequence: BigInt;
  run_id: RunId;
  execution_id: ExecutionId | null;
  type: string;
  data: Json<Record<string, unknown>>;
  occurred_at: Date;
}

interface OutboxTable {
  id: BigInt;
  topic: 'task_cancellation';
  run_id: RunId;
  execution_id: ExecutionId;
  created_at: Date;
}

interface ConsoleChunksTable {
  id: BigInt;
  run_id: RunId;
  execution_id: ExecutionId;
  stream: ConsoleStream;
  byte_offset: ColumnType<string, number, never>;
  data: Buffer;
}

interface IdempotencyKeysTable {
  team_id: string;
  key: string;
  request_hash: Buffer;
  run_id: RunId;
  created_at: Date;
}
