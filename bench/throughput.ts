import { Agent, request } from 'node:http';
import type { Pool } from 'pg';
import { sleep, systemClock } from '../src/common/clock.ts';
import { liveExecutionStates } from '../src/protocol/states.ts';
import { median } from './figures.ts';
import { connectBarePostgres } from './bare-postgres.ts';
import { connectProtocolWorker } from './protocol-worker.ts';

/** What is in flight at the same time, on both sides: enough for Postgres to share an fsync between commits. */
const atOnce = 16;
const warmUp = 500;
const rounds = 7;
const runsPerRound = 700;

/** Medians over the rounds; of the rates, in runs a second, and of each round's ratio. */
export interface Throughput {
  runs: number;
  bare: number;
  ratio: number;
  /** The lowest and the highest ratio of a round: how quiet the machine was. */
  spread: [number, number];
}

/**
 * Runs a second from POST to outcome, through a worker that speaks the protocol and starts nothing: four commits each
 * (the run, its offer, its claim, its end). And what the same Postgres takes when somebody only makes those commits. Both
 * in turn, round after round, so that what else the machine does falls on both.
 */
export async function measureThroughput(server: { url: string }, apiKey: string, pool: Pool): Promise<Throughput> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const worker = await connectProtocolWorker(server, apiKey);
  const postgres = await connectBarePostgres(pool.options, atOnce);
  const served = async (count: number) => {
    await repeat(count, () => postRun(server, apiKey, agent));
    await untilAllEnded(pool);
  };
  const bare = (count: number) => repeat(count, postgres.writeRun);
  try {
    await served(warmUp);
    await bare(warmUp);
    const measured: { runs: number; bare: number }[] = [];
    for (let round = 0; round < rounds; round++) measured.push({ runs: await rate(served), bare: await rate(bare) });
    return summary(measured);
  } finally {
    worker.close();
    agent.destroy();
    await postgres.end();
  }
}

async function rate(work: (count: number) => Promise<void>): Promise<number> {
  const from = performance.now();
  await work(runsPerRound);
  return runsPerRound / ((performance.now() - from) / 1000);
}

function summary(measured: { runs: number; bare: number }[]): Throughput {
  const ratios = measured.map(({ runs, bare }) => runs / bare);
  return {
    runs: median(measured.map(({ runs }) => runs)),
    bare: median(measured.map(({ bare }) => bare)),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** Does the same `times` over, `atOnce` at the same time. */
async function repeat(times: number, work: () => Promise<void>): Promise<void> {
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
    const call = request(`${server.url}/api/v1/agent/runs`, { method: 'POST', headers, agent }, (response) => {
      response.on('error', reject).on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`POST /agent/runs was answered with ${response.statusCode}.`));
      });
      response.resume();
    });
    call.on('error', reject).end(body);
  });
}

/** Looks at no more than what has not ended yet, so that the looking costs next to nothing. */
async function untilAllEnded(pool: Pool): Promise<void> {
  const live = liveExecutionStates.map((state) => `'${state}'`).join(', ');
  const goesOn = `select exists (select from runs where state = 'QUEUED')
    or exists (select from executions where state in (${live})) as "goesOn"`;
  while ((await pool.query<{ goesOn: boolean }>(goesOn)).rows[0]?.goesOn) await sleep(systemClock, 2);
}
