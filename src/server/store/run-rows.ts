import { sql, type SelectQueryBuilder } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type { RunId } from '../../protocol/ids.ts';
import type { ListRunsQuery } from '../../protocol/runs.ts';
import { liveExecutionStates } from '../../protocol/states.ts';
import type { FailureReason } from '../../protocol/worker-link.ts';
import type { Database } from './database.ts';

/** Of a worker's reasons for an end: the task met a limit. */
export const limitReasons = ['container_oom', 'process_limit', 'output_limit'] as const satisfies FailureReason[];

/** A run with what other tables know of it, as people are shown it. */
function selectRuns(db: Database) {
  return db
    .selectFrom('runs')
    .leftJoin('executions as live', (join) =>
      join.onRef('live.run_id', '=', 'runs.id').on('live.state', 'in', liveExecutionStates),
    )
    .leftJoin('users', 'users.id', 'runs.creator_uid')
    .leftJoin('api_keys', (join) => join.on(sql<boolean>`api_keys.id::text = runs.creator_uid`))
    .selectAll('runs')
    .select([
      'live.state as live_state',
      'live.worker_id as live_worker',
      'live.unreachable_since',
      'live.lease_until',
      'live.lost_at',
      'live.cancel_requested_at',
      'users.name as user_name',
      'users.email as user_email',
      'api_keys.name as key_name',
    ])
    .select((of) => [
      jsonArrayFrom(
        of
          .selectFrom('runs as child')
          .select('child.id')
          .whereRef('child.parent_run_id', '=', 'runs.id')
          .orderBy('child.created_at'),
      ).as('children'),
      jsonArrayFrom(
        of
          .selectFrom('executions as warned')
          .select(['warned.end_reason', 'warned.teardown_problem'])
          .whereRef('warned.run_id', '=', 'runs.id')
          .where((where) =>
            where.or([
              where('warned.teardown_problem', 'is not', null),
              where('warned.end_reason', 'in', limitReasons),
            ]),
          )
          .orderBy('warned.fence'),
      ).as('warnings'),
      of
        .selectFrom('events')
        .select('sequence')
        .whereRef('events.run_id', '=', 'runs.id')
        .orderBy('sequence', 'desc')
        .limit(1)
        .as('last_sequence'),
    ]);
}

type Selected<Query> = Query extends SelectQueryBuilder<infer _Schema, infer _Tables, infer Row> ? Row : never;
export type RunRow = Selected<ReturnType<typeof selectRuns>>;

export async function findRun(db: Database, teamId: string, runId: RunId): Promise<RunRow | undefined> {
  return await selectRuns(db).where('runs.id', '=', runId).where('runs.team_id', '=', teamId).executeTakeFirst();
}

/** Where a page of the list ended: its order, and the last run's place in it (microseconds and all). */
export interface ListPlace {
  by: ListRunsQuery['sort_by'];
  order: ListRunsQuery['sort_order'];
  at: string;
  id: string;
}

export interface ListRequest {
  teamId: string;
  by: ListPlace['by'];
  order: ListPlace['order'];
  after?: ListPlace | undefined;
  states?: ListRunsQuery['state'];
  limit: number;
}

export async function listRuns(db: Database, request: ListRequest): Promise<(RunRow & { sorted_at: string })[]> {
  const { teamId, by, order, after, states, limit } = request;
  const column = sql.ref(`runs.${by}`);
  let rows = selectRuns(db)
    .select(sql<string>`${column}::text`.as('sorted_at'))
    .where('runs.team_id', '=', teamId);
  if (states) rows = rows.where('runs.state', 'in', states);
  if (after) {
    const beyond = sql.raw(order === 'desc' ? '<' : '>');
    rows = rows.where(sql<boolean>`(${column}, runs.id) ${beyond} (${after.at}::timestamptz, ${after.id}::uuid)`);
  }
  return await rows.orderBy(column, order).orderBy('runs.id', order).limit(limit).execute();
}
