import type { Pool } from 'pg';
import { connectPoster } from './poster.ts';
import { connectProtocolWorker } from './protocol-worker.ts';

const few = 1_000;
const many = 1_000_000;
const warmUp = 50;
const measured = 300;
const body = JSON.stringify({ prompt: 'true', config: { harness: { type: 'shell' } } });

interface Measured {
  count: number;
  latencies: number[];
}

/** Milliseconds from POST until a worker is offered the run, with few and with many runs in the past. */
export async function measurePastRuns(
  server: { url: string },
  apiKey: string,
  pool: Pool,
): Promise<{ few: Measured; many: Measured }> {
  const worker = await connectProtocolWorker(server, apiKey);
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const poster = await connectPoster(new URL('/api/v1/agent/runs', server.url), headers, body);
  const latencies = async () => {
    const found: number[] = [];
    for (let count = 0; count < warmUp + measured; count++) {
      const offered = nextOffer(worker);
      const from = performance.now();
      await poster.post();
      found.push((await offered) - from);
    }
    return found.slice(warmUp);
  };
  try {
    await makePast(pool, few);
    const before = await latencies();
    await makePast(pool, many - few);
    return { few: { count: few, latencies: before }, many: { count: many, latencies: await latencies() } };
  } finally {
    poster.close();
    worker.close();
  }
}

function nextOffer(worker: Awaited<ReturnType<typeof connectProtocolWorker>>): Promise<number> {
  return new Promise((resolve) => {
    const look = (text: Buffer) => {
      if (!text.includes('task_assignment')) return;
      worker.off('message', look);
      resolve(performance.now());
    };
    worker.on('message', look);
  });
}

/** Inserted without checks of what is known to be right, and indexed afterwards: the other way takes a quarter of an hour. */
async function makePast(pool: Pool, count: number): Promise<void> {
  const client = await pool.connect();
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(separateIndexes);
  await client.query('set session_replication_role = replica');
  for (const { name } of indexes) await client.query(`drop index ${name}`);
  await client.query(insertPastRuns, [count]);
  for (const { definition } of indexes) await client.query(definition);
  await client.query('reset session_replication_role');
  // What Postgres does about a million new rows is over before anything is measured.
  await client.query('vacuum analyze');
  await client.query('checkpoint');
  client.release();
}

/** Those that no constraint needs. */
const separateIndexes = `
  select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
  where indrelid in ('runs'::regclass, 'executions'::regclass)
    and not exists (select from pg_constraint where conindid = indexrelid)`;

/** Runs as they are left behind: ended, each with the one execution that it had. */
const insertPastRuns = `
  with past as (
    insert into runs (id, team_id, state, fence, title, prompt, config, source, creator_type, creator_uid,
      conversation_id, created_at, updated_at, queued_at, started_at, ended_at)
    select gen_random_uuid(), keys.team_id, 'SUCCEEDED', 1, 'true', 'true', '{"harness": {"type": "shell"}}', 'API',
      'service_account', keys.id::text, gen_random_uuid(), at, at, at, at, at
    from (select id, team_id from api_keys limit 1) as keys,
      lateral (select now() - make_interval(secs => number) as at from generate_series(1, $1::int) as number) as times
    returning id, team_id, created_at
  )
  insert into executions (id, run_id, team_id, fence, state, worker_id, api_key_id, token_hash, offered_at, claimed_at,
    started_at, ended_at)
  select gen_random_uuid(), past.id, past.team_id, 1, 'ended', 'bench', (select id from api_keys limit 1),
    sha256(past.id::text::bytea), created_at, created_at, created_at, created_at
  from past`;
