import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { ExecutionId } from '../../protocol/ids.ts';
import { liveExecutionStates } from '../../protocol/states.ts';
import type { Schema } from './schema.ts';

const live = sql.join(liveExecutionStates.map((state) => sql.lit(state)));

/** In milliseconds from when a worker was heard of. */
export interface LeaseTimes {
  lease: number;
  lostAfter: number;
  retryAfter: number;
}

/** Writes down when the workers of these executions were heard of, all in one statement. What is known better stays. */
export async function renewLeases(
  db: Kysely<Schema>,
  heard: ReadonlyMap<ExecutionId, number>,
  times: LeaseTimes,
): Promise<void> {
  const at = [...heard.values()].map((time) => new Date(time));
  await sql`update executions e
    set lease_until = greatest(e.lease_until, ${after(sql`heard.at`, times.lease)}),
      lost_at = greatest(e.lost_at, ${lossAfter(sql`heard.at`, times)})
    from unnest(${[...heard.keys()]}::uuid[], ${at}::timestamptz[]) as heard (id, at)
    where e.id = heard.id and e.state in (${live})`.execute(db);
}

/** Takes executions over to the daemon that has named them. */
export async function takeOverLeases(
  db: Kysely<Schema>,
  ids: readonly ExecutionId[],
  daemon: { instanceId: string; keyId: string },
  now: Date,
  times: LeaseTimes,
): Promise<void> {
  const at = sql`${now}::timestamptz`;
  await sql`update executions e
    set instance_id = ${daemon.instanceId}, api_key_id = ${daemon.keyId}, unreachable_since = null,
      lease_until = ${after(at, times.lease)}, lost_at = ${lossAfter(at, times)}
    where e.id = any (${ids}::uuid[]) and e.state in (${live})`.execute(db);
}

/** Nobody has listened for a while: that was not the workers' silence. Their time, and that to answer an offer, begins now. */
export async function extendLeases(
  db: Kysely<Schema>,
  now: Date,
  times: LeaseTimes & { offerTimeout: number },
): Promise<void> {
  const at = sql`${now}::timestamptz`;
  await sql`update executions e
    set lease_until = ${notBefore('lease_until', after(at, times.lease))},
      lost_at = ${notBefore('lost_at', lossAfter(at, times))}
    where e.state in (${live}) and e.lost_at is not null`.execute(db);
  await sql`update executions e set answer_by = ${notBefore('answer_by', after(at, times.offerTimeout))}
    where e.state in ('offered')`.execute(db);
}

/** A time that is not set stays so. */
function notBefore(column: 'lease_until' | 'lost_at' | 'answer_by', time: RawBuilder<unknown>) {
  return sql`case when e.${sql.ref(column)} is not null then greatest(e.${sql.ref(column)}, ${time}) end`;
}

function lossAfter(heardAt: RawBuilder<unknown>, { lostAfter, retryAfter }: LeaseTimes) {
  return sql`case when e.fence_after_seconds is null then ${after(heardAt, lostAfter)} else ${after(heardAt, retryAfter)} end`;
}

function after(time: RawBuilder<unknown>, ms: number) {
  return sql`${time} + ${ms}::double precision * interval '1 millisecond'`;
}
