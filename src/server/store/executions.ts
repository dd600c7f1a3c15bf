import { sql, type Kysely, type SelectQueryBuilder } from 'kysely';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import { liveExecutionStates, type ExecutionState, type RunState } from '../../protocol/states.ts';
import type { EndIntent, Schema } from './schema.ts';

/** A run and one of its executions, read together, as far as deciding about them needs. */
export interface RunAndExecution {
  run: {
    id: RunId;
    team_id: string;
    fence: number;
    state: RunState;
    attempts: number;
    max_attempts: number | null;
    setbacks: number;
  } & Status;
  execution: {
    id: ExecutionId;
    fence: number;
    state: ExecutionState;
    worker_id: string;
    api_key_id: string;
    /** Null for a stock daemon. */
    instance_id: string | null;
    turn: number;
    outcome_turn: number;
    cancel_requested_at: Date | null;
    end_intent: EndIntent | null;
    answer_by: Date | null;
    time_limit_at: Date | null;
    lost_at: Date | null;
  };
}

interface Status {
  status_message: string | null;
  error_code: string | null;
}

/** What identifies a daemon that says no more of itself; several may share it. */
export interface WorkerIdentity {
  teamId: string;
  workerId: string;
  keyId: string;
}

export async function findExecution(db: Kysely<Schema>, id: ExecutionId): Promise<RunAndExecution | undefined> {
  const row = await joined(db).where('e.id', '=', id).executeTakeFirst();
  return row && nested(row);
}

/** A run's two newest executions that were offered to this worker, the newest first. */
export async function findExecutionsOfWorker(
  db: Kysely<Schema>,
  worker: WorkerIdentity,
  runId: RunId,
): Promise<RunAndExecution[]> {
  const rows = await ofWorker(joined(db), worker)
    .where('e.run_id', '=', runId)
    .orderBy('e.fence', 'desc')
    .limit(2)
    .execute();
  return rows.map(nested);
}

/** The one execution that holds the run, if any does. */
export async function findLiveExecution(db: Kysely<Schema>, runId: RunId): Promise<RunAndExecution | undefined> {
  const row = await live(joined(db)).where('e.run_id', '=', runId).executeTakeFirst();
  return row && nested(row);
}

/** Those of a stock daemon, and of all others like it. */
export async function liveExecutionsOfWorker(db: Kysely<Schema>, worker: WorkerIdentity): Promise<RunAndExecution[]> {
  const rows = await live(ofWorker(joined(db), worker))
    .where('e.instance_id', 'is', null)
    .execute();
  return rows.map(nested);
}

/** Of a daemon that has said who it is: what it names, and what else it should have. */
export async function executionsOfInstance(
  db: Kysely<Schema>,
  { teamId, workerId }: WorkerIdentity,
  instanceId: string,
  named: readonly ExecutionId[],
): Promise<RunAndExecution[]> {
  const ofWorkerId = (query: Joined) => query.where('e.team_id', '=', teamId).where('e.worker_id', '=', workerId);
  const own = live(ofWorkerId(joined(db))).where('e.instance_id', '=', instanceId);
  if (named.length === 0) return (await own.execute()).map(nested);
  const rows = await ofWorkerId(joined(db))
    .where(sql<boolean>`e.id = any (${named}::uuid[])`)
    .union(own)
    .execute();
  return rows.map(nested);
}

/** Queued runs that a daemon has said it never takes. */
export async function runsNotAccepted(db: Kysely<Schema>, instanceId: string): Promise<RunId[]> {
  const { rows } = await sql<{ run_id: RunId }>`
    select e.run_id from executions e join runs r on r.id = e.run_id
    where e.instance_id = ${instanceId} and e.end_reason = 'not_accepted' and r.state = 'QUEUED'`.execute(db);
  return rows.map(({ run_id }) => run_id);
}

/** Executions with a deadline that has passed, the longest overdue first. */
export async function dueExecutions(db: Kysely<Schema>, now: Date, limit: number): Promise<RunAndExecution[]> {
  const due = sql<Date>`least(e.answer_by, e.time_limit_at, e.lost_at)`;
  const rows = await live(joined(db)).where(due, '<=', now).orderBy(due).limit(limit).execute();
  return rows.map(nested);
}

function joined(db: Kysely<Schema>) {
  return db
    .selectFrom('executions as e')
    .innerJoin('runs as r', 'r.id', 'e.run_id')
    .select(['r.id as run_id', 'r.team_id', 'r.fence as run_fence', 'r.state as run_state', 'r.attempts'])
    .select(['r.max_attempts', 'r.setbacks'])
    .select(['r.status_message', 'r.error_code'])
    .select(['e.id', 'e.fence', 'e.state', 'e.worker_id', 'e.api_key_id', 'e.instance_id'])
    .select(['e.turn', 'e.outcome_turn'])
    .select(['e.cancel_requested_at', 'e.end_intent', 'e.answer_by', 'e.time_limit_at', 'e.lost_at']);
}

type Joined = ReturnType<typeof joined>;
type Row = Joined extends SelectQueryBuilder<infer _Tables, infer _Names, infer Selected> ? Selected : never;

function live(query: Joined): Joined {
  // Written out, not as a parameter, so that the planner sees that the partial indexes fit.
  const states = sql.join(liveExecutionStates.map((state) => sql.lit(state)));
  return query.where(sql<boolean>`e.state in (${states})`);
}

function ofWorker(query: Joined, { teamId, workerId, keyId }: WorkerIdentity): Joined {
  return query.where('e.team_id', '=', teamId).where('e.worker_id', '=', workerId).where('e.api_key_id', '=', keyId);
}

function nested({
  run_id,
  team_id,
  run_fence,
  run_state,
  attempts,
  max_attempts,
  setbacks,
  status_message,
  error_code,
  ...execution
}: Row): RunAndExecution {
  const status = { status_message, error_code };
  const tries = { attempts, max_attempts, setbacks };
  return { run: { id: run_id, team_id, fence: run_fence, state: run_state, ...tries, ...status }, execution };
}
