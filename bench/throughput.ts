import type { Pool } from 'pg';
import { sleep, systemClock } from '../src/common/clock.ts';
import { liveExecutionStates } from '../src/protocol/states.ts';
import { median } from './figures.ts';
import { connectBarePostgres } from './bare-postgres.ts';
import { connectPoster } from './poster.ts';
import { connectProtocolWorker } from './protocol-worker.ts';

/** What is in flight at the same time, on both sides: enough for Postgres to share an fsync between commits. */
const atOnce = 16;
const warmUp = 500;
const rounds = 7;
const runsPerRound = 700;
const body = JSON.stringify({ prompt: 'true', config: { harness: { type: 'shell' } } });

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
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const url = new URL('/api/v1/agent/runs', server.url);
  const posters = await Promise.all(Array.from({ length: atOnce }, () => connectPoster(url, headers, body)));
  const worker = await connectProtocolWorker(server, apiKey);
  const postgres = await connectBarePostgres(pool.options, atOnce);
  const posts = posters.map(({ post }) => post);
  const served = async (count: number) => {
    await repeat(count, posts);
    await untilAllEnded(pool);
  };
  const bare = (count: number) => repeat(count, postgres.writers);
  try {
    await served(warmUp);
    await bare(warmUp);
    const measured: { runs: number; bare: number }[] = [];
    for (let round = 0; round < rounds; round++) measured.push({ runs: await rate(served), bare: await rate(bare) });
    return summary(measured);
  } finally {
    worker.close();
    for (const poster of posters) poster.close();
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

/** Lets the workers do something `times` over together, each one thing after the other. */
async function repeat(times: number, workers: readonly (() => Promise<void>)[]): Promise<void> {
  let left = times;
  const one = async (work: () => Promise<void>) => {
    while (left-- > 0) await work();
  };
  await Promise.all(workers.map(one));
}

/** Counts, by its small indexes, only what has not ended yet: the looking costs next to nothing. */
async function untilAllEnded(pool: Pool): Promise<void> {
  const live = liveExecutionStates.map((state) => `'${state}'`).join(', ');
  const left = `select ((select count(*) from runs where state = 'QUEUED')
    + (select count(*) from executions where state in (${live})))::int as left`;
  while ((await pool.query<{ left: number }>(left)).rows[0]?.left !== 0) await sleep(systemClock, 2);
}
