import { Agent, request } from 'node:http';
import type { Pool } from 'pg';
import { sleep, systemClock } from '../src/common/clock.ts';
import { FakeWorker } from '../test/helpers/fake-worker.ts';

/** What is in flight at the same time, in both measurements: enough for Postgres to share an fsync between commits. */
export const atOnce = 16;
export const warmUp = 300;
export const measured = 2_000;

/**
 * Runs a second from POST to outcome, through a worker that speaks the protocol and starts nothing: four commits each
 * (the run, its offer, its claim, its end).
 */
export async function measureThroughput(server: { url: string }, apiKey: string, pool: Pool): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const worker = await FakeWorker.connect({
    rootUrl: server.url,
    apiKey,
    workerId: 'bench',
    onMessage(message, self) {
      if (message.type !== 'task_assignment') return;
      self.claim(message.data.task_id);
      self.complete(message.data.task_id);
    },
  });
  const post = () => postRun(server, apiKey, agent);
  const total = await endedRuns(pool);
  try {
    await repeat(warmUp, post);
    await untilEnded(pool, total + warmUp);
    const from = performance.now();
    await repeat(measured, post);
    await untilEnded(pool, total + warmUp + measured);
    return measured / ((performance.now() - from) / 1000);
  } finally {
    await worker.close();
    agent.destroy();
  }
}

/** Does the same `times` over, `atOnce` at the same time. */
export async function repeat(times: number, work: () => Promise<void>): Promise<void> {
  let left = times;
  const one = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

const body = JSON.stringify({ prompt: 'true', config: { harness: { type: 'shell' } } });

/** Plain HTTP, because `fetch` would cost this process more than the request costs the server. */
function postRun(server: { url: string }, apiKey: string, agent: Agent): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const call = request(new URL('/api/v1/agent/runs', server.url), { method: 'POST', headers, agent }, (response) => {
      response.on('error', reject).on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`POST /agent/runs was answered with ${response.statusCode}.`));
      });
      response.resume();
    });
    call.on('error', reject).end(body);
  });
}

async function untilEnded(pool: Pool, count: number): Promise<void> {
  while ((await endedRuns(pool)) < count) await sleep(systemClock, 20);
}

async function endedRuns(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::int as count from executions where state = 'ended'`,
  );
  return rows[0]?.count ?? 0;
}
