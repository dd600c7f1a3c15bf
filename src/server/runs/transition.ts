import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { AgentConfig, StatusMessage } from '../../protocol/runs.ts';
import { executionMoves, isTerminal, runMoves, type ExecutionState, type RunState } from '../../protocol/states.ts';
import type { WorkerIdentity } from '../store/executions.ts';
import { toJson } from '../store/json.ts';
import type { EndIntent, Schema } from '../store/schema.ts';
import { runEventTypes, type RunEventData } from './run-events.ts';

/** A run as its mover saw it. The transition happens only if nobody has moved it since. */
export interface RunSeen {
  id: RunId;
  fence: number;
  state: RunState;
}

/** The same for its execution; a request to end it counts as a move. */
export interface ExecutionSeen {
  id: ExecutionId;
  state: ExecutionState;
  end_intent: EndIntent | null;
}

/** One step of a run, of its execution, or of both at once. What is left out stays as it is. */
export interface Transition {
  run: RunSeen;
  execution?: ExecutionSeen;
  runTo?: RunState;
  executionTo?: ExecutionState;
  /** Says why the run is in its new state; a move without it clears what was said of the old one. */
  status?: StatusMessage | null;
  runFacts?: { attempts?: number; setbacks?: number; queued_at?: Date };
  executionFacts?: ExecutionFacts;
  /** The event's type, where no state moves. */
  event?: string;
  /** What went wrong beside the outcome, for whoever reads the events. */
  warning?: string;
  /** What must be told to the execution's worker. */
  tell?: 'task_cancellation';
}

export interface ExecutionFacts {
  turn?: number;
  outcome_turn?: number;
  cancel_requested_at?: Date;
  end_intent?: EndIntent;
  answer_by?: Date | null;
  time_limit_at?: Date | null;
  teardown_problem?: string;
  end_reason?: string;
  exit_code?: number | null;
}

/** The run that has been moved, as far as others must know it. */
export interface Moved {
  team_id: string;
  worker_host: string | null;
}

/**
 * The one function that moves a run or an execution: compare-and-swap on what the caller saw, the event and the outbox
 * row in the same statement, hence in the same transaction and one round trip. Answers undefined, and has changed
 * nothing, when somebody else was faster. An illegal move is a fault of the program and throws.
 */
export async function transition(db: Kysely<Schema>, now: Date, move: Transition): Promise<Moved | undefined> {
  assertLegal(move);
  const { rows } = await sql<Moved>`
    with target as materialized (${target(move)}),
    moved_run as (${runUpdate(move, now)}),
    moved_execution as (${executionUpdate(move, now)}),
    told as (${outboxInsert(move, now)}),
    event as (
      insert into events (run_id, execution_id, type, data, occurred_at)
      select run_id, ${move.execution?.id ?? null}::uuid, ${eventType(move)}::text, ${eventData(move)}::jsonb, ${now}::timestamptz
      from target
    )
    select team_id, worker_host from target`.execute(db);
  return rows[0];
}

/** Offers to be made to one worker: of the oldest runs that may go there, at most as many as there are executions. */
export interface NewOffers {
  worker: WorkerIdentity;
  executions: readonly { id: ExecutionId; tokenHash: Buffer }[];
  answerBy: Date;
  timeLimitAt: Date;
  /** Runs that this worker must not be offered. */
  except: readonly RunId[];
  /** The daemon, where it says who it is, and its lease. */
  instance?: LeasedInstance | undefined;
  /** For a run that says nothing of it. */
  maxAttempts: number;
}

export interface LeasedInstance {
  id: string;
  leaseUntil: Date;
  lostAt: Date;
  /** Where another attempt may start after this one. */
  fenced: { afterSeconds: number; lostAt: Date };
}

export interface OfferedRun {
  id: RunId;
  execution_id: ExecutionId;
  fence: number;
  worker_host: string | null;
  title: string;
  prompt: string;
  config: AgentConfig;
  created_at: Date;
  updated_at: Date;
  team_number: number;
  fence_after_seconds: number | null;
}

/**
 * The same for the moves that begin executions, QUEUED → PENDING with the next fence: what they are compared with is that
 * the runs are the oldest of the queue, of the two that the worker serves, with the oldest run, and that nobody else is at
 * them. In their order; empty when there is none.
 */
export async function offerOldest(db: Kysely<Schema>, now: Date, offers: NewOffers): Promise<OfferedRun[]> {
  const { worker, executions, answerBy, timeLimitAt, except, instance, maxAttempts } = offers;
  const fenced = instance?.fenced;
  const data: RunEventData = { state: 'PENDING', status_message: null, execution: 'offered' };
  const oldest = (host: RawBuilder<unknown>, columns: RawBuilder<unknown>, most: number) => sql`
    select ${columns} from runs
    where team_id = ${worker.teamId} and state = 'QUEUED' and coalesce(worker_host, '') = ${host}
      and id <> all (${except}::uuid[])
    order by created_at, id limit ${most}`;
  const placed = sql`coalesce(worker_host, '') as host, created_at, id`;
  const most = executions.length;
  // When all of the queue with the oldest run is being taken by others, the other queue is looked at as well.
  const { rows } = await sql<OfferedRun>`
    with head as (
      (${oldest(sql`''`, placed, 1)}) union all (${oldest(sql`${worker.workerId}`, placed, 1)})
      order by created_at, id limit 1
    ),
    first as materialized (
      ${oldest(sql`(select host from head)`, sql`id, created_at`, most)} for update skip locked
    ),
    second as materialized (
      select id, created_at from (
        ${oldest(sql`(select case host when '' then ${worker.workerId} else '' end from head)`, sql`id, created_at`, most)}
        for update skip locked
      ) other where not exists (select from first)
    ),
    target as (
      select id, row_number() over (order by created_at, id) as place
      from (select * from first union all select * from second) found
    ),
    given as (
      select * from unnest(${executions.map(({ id }) => id)}::uuid[], ${executions.map(({ tokenHash }) => tokenHash)}::bytea[])
        with ordinality as given (execution_id, token_hash, place)
    ),
    offered as (
      update runs set state = 'PENDING', fence = runs.fence + 1, updated_at = ${now},
        status_message = null, error_code = null, retryable = null
      from target join given using (place) where runs.id = target.id
      returning runs.*, place, execution_id, token_hash
    ),
    execution as (
      insert into executions (id, run_id, team_id, fence, state, worker_id, api_key_id, token_hash, answer_by,
        time_limit_at, offered_at, instance_id, lease_until, lost_at, fence_after_seconds)
      select execution_id, id, team_id, fence, 'offered', ${worker.workerId}::text, ${worker.keyId}::uuid,
        token_hash, ${answerBy}::timestamptz, ${timeLimitAt}::timestamptz, ${now}::timestamptz,
        ${instance?.id ?? null}::uuid, ${instance?.leaseUntil ?? null}::timestamptz,
        case when may_retry then ${fenced?.lostAt ?? null}::timestamptz else ${instance?.lostAt ?? null}::timestamptz end,
        case when may_retry then ${fenced?.afterSeconds ?? null}::integer end
      from offered, lateral (select attempts + 1 < coalesce(max_attempts, ${maxAttempts}::integer) as may_retry) tries
      returning id, fence_after_seconds
    ),
    event as (
      insert into events (run_id, execution_id, type, data, occurred_at)
      select id, execution_id, ${runEventTypes.PENDING}::text, ${toJson(data)}::jsonb, ${now}::timestamptz
      from offered
    )
    select r.id, r.execution_id, r.fence, r.worker_host, r.title, r.prompt, r.config, r.created_at, r.updated_at,
      t.number as team_number, e.fence_after_seconds
    from offered r join teams t on t.id = r.team_id join execution e on e.id = r.execution_id
    order by r.place`.execute(db);
  return rows;
}

function target({ run, execution }: Transition): RawBuilder<unknown> {
  if (execution === undefined) {
    return sql`select id as run_id, team_id, worker_host from runs
      where id = ${run.id} and fence = ${run.fence} and state = ${run.state} for update`;
  }
  return sql`select r.id as run_id, r.team_id, r.worker_host
    from runs r join executions e on e.run_id = r.id
    where r.id = ${run.id} and r.fence = ${run.fence} and r.state = ${run.state}
      and e.id = ${execution.id} and e.state = ${execution.state}
      and e.end_intent is not distinct from ${execution.end_intent}::text
    for update`;
}

function runUpdate({ runTo, status, runFacts }: Transition, now: Date): RawBuilder<unknown> {
  if (runTo === undefined && status === undefined) return sql`select 1`;
  const columns: Record<string, unknown> = { ...statusColumns(status ?? null), ...runFacts, updated_at: now };
  if (runTo !== undefined) {
    columns['state'] = runTo;
    columns['ended_at'] = isTerminal(runTo) ? now : null;
    if (runTo === 'INPROGRESS') columns['started_at'] = sql`coalesce(runs.started_at, ${now})`;
  }
  return sql`update runs set ${assignments(columns)} from target where runs.id = target.run_id`;
}

function executionUpdate({ execution, executionTo, executionFacts }: Transition, now: Date): RawBuilder<unknown> {
  if (execution === undefined || (executionTo === undefined && executionFacts === undefined)) return sql`select 1`;
  const columns = { ...executionFacts, ...(executionTo && executionColumns(executionTo, now)) };
  return sql`update executions set ${assignments(columns)} from target where executions.id = ${execution.id}`;
}

function executionColumns(to: ExecutionState, now: Date): Record<string, unknown> {
  if (to === 'claimed') return { state: to, claimed_at: now };
  if (to === 'running') return { state: to, started_at: sql`coalesce(executions.started_at, ${now})` };
  if (executionMoves[to].length > 0) return { state: to };
  return { state: to, ended_at: now, answer_by: null, time_limit_at: null, unreachable_since: null, lost_at: null };
}

function outboxInsert({ execution, tell }: Transition, now: Date): RawBuilder<unknown> {
  if (execution === undefined || tell === undefined) return sql`select 1`;
  return sql`insert into outbox (topic, run_id, execution_id, created_at)
    select ${tell}::text, run_id, ${execution.id}::uuid, ${now}::timestamptz from target`;
}

function eventType({ event, runTo, executionTo }: Transition): string {
  if (runTo !== undefined) return runEventTypes[runTo];
  return event ?? `execution_${executionTo}`;
}

function eventData({ runTo, executionTo, status, warning }: Transition): string {
  if (runTo === undefined) return toJson({ execution: executionTo, warning });
  const data: RunEventData = { state: runTo, status_message: status ?? null };
  return toJson({ ...data, execution: executionTo, warning });
}

function statusColumns(status: StatusMessage | null): Record<string, unknown> {
  return {
    status_message: status?.message ?? null,
    error_code: status?.error_code ?? null,
    retryable: status?.retryable ?? null,
  };
}

function assignments(columns: Record<string, unknown>): RawBuilder<unknown> {
  return sql.join(Object.entries(columns).map(([column, value]) => sql`${sql.ref(column)} = ${value}`));
}

function assertLegal({ run, runTo, execution, executionTo }: Transition): void {
  if (runTo !== undefined && !runMoves[run.state].includes(runTo)) {
    throw new Error(`A run never moves from ${run.state} to ${runTo}.`);
  }
  if (executionTo === undefined) return;
  if (execution === undefined) throw new Error('A transition of an execution must name it.');
  if (!executionMoves[execution.state].includes(executionTo)) {
    throw new Error(`An execution never moves from ${execution.state} to ${executionTo}.`);
  }
}
