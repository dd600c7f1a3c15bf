import { Pool } from 'pg';
import { findEmbeddedPostgres } from '../src/server/store/embedded-postgres/embedded-postgres.ts';
import { startServer, type RunningServer } from '../test/helpers/programs.ts';
import { measureCommand } from './command-line.ts';
import { measureDispatch, measureInFlight } from './dispatch-latency.ts';
import { median, percentile } from './figures.ts';
import { measureIdleDaemon } from './idle-daemon.ts';
import { measureIdleWorkers } from './idle-workers.ts';
import { measurePastRuns } from './past-runs.ts';
import { asRatio, inMegabytes, inMilliseconds, perSecond, type Figure } from './table.ts';
import { measureThroughput } from './throughput.ts';

/** What can be measured, by its name on the command line; each on a server of its own, so that none leaves the next a mess. */
export const parts: Record<string, () => Promise<Figure[]>> = {
  dispatch: () => withServer(dispatch),
  'in-flight': () => withServer(inFlight),
  throughput: () => withServer(throughput),
  'idle-workers': () => withServer(idleWorkers),
  'past-runs': () => withServer(pastRuns),
  'idle-daemon': () => withServer(idleDaemon),
  commands: () => withServer(commands),
};

export interface Bench {
  server: RunningServer;
  apiKey: string;
  pool: Pool;
}

async function withServer(measure: (bench: Bench) => Promise<Figure[]>): Promise<Figure[]> {
  await using server = await startServer();
  const apiKey = await server.createApiKey('bench');
  const address = await findEmbeddedPostgres(server.dataDir);
  if (address === undefined) throw new Error(`The server has made no database in ${server.dataDir}.`);
  const pool = new Pool(address);
  try {
    return await measure({ server, apiKey, pool });
  } finally {
    await pool.end();
  }
}

async function dispatch({ server, apiKey }: Bench): Promise<Figure[]> {
  const latencies = await measureDispatch(server, apiKey);
  const name = 'Dispatch, POST until oz executes';
  return [
    { name: `${name}: p50`, value: median(latencies), format: inMilliseconds, target: { atMost: 15 } },
    { name: `${name}: p99`, value: percentile(latencies, 99), format: inMilliseconds, target: { atMost: 60 } },
  ];
}

async function inFlight({ server, apiKey }: Bench): Promise<Figure[]> {
  const { count, alone, among } = await measureInFlight(server, apiKey);
  const [one, many] = [median(alone), median(among)];
  return [
    { name: 'Dispatch to an idle worker: p50', value: one, format: inMilliseconds },
    { name: `Dispatch to a worker with ${count} runs in flight: p50`, value: many, format: inMilliseconds },
    { name: 'Ratio of the two', value: many / one, format: asRatio, target: { atMost: 1.5 } },
  ];
}

async function throughput({ server, apiKey, pool }: Bench): Promise<Figure[]> {
  const { runs, bare, ratio, spread } = await measureThroughput(server, apiKey, pool);
  const name = `Ratio of the two (rounds: ${spread.map(asRatio).join(' to ')})`;
  return [
    { name: 'Runs from POST to outcome', value: runs, format: perSecond },
    { name: 'Bare Postgres, the same commits', value: bare, format: perSecond },
    { name, value: ratio, format: asRatio, target: { atLeast: 0.5 } },
  ];
}

async function idleWorkers({ server, apiKey }: Bench): Promise<Figure[]> {
  const { count, latencies, memory } = await measureIdleWorkers(server, apiKey);
  const name = `Dispatch among ${count} idle workers`;
  return [
    { name: `${name}: p50`, value: median(latencies), format: inMilliseconds },
    { name: `${name}: p99`, value: percentile(latencies, 99), format: inMilliseconds, target: { atMost: 50 } },
    { name: `Server with ${count} idle workers`, value: memory, format: inMegabytes, target: { atMost: 600e6 } },
  ];
}

async function pastRuns({ server, apiKey, pool }: Bench): Promise<Figure[]> {
  const { few, many } = await measurePastRuns(server, apiKey, pool);
  const name = ({ count }: { count: number }) => `Dispatch after ${count} past runs, POST until offered: p50`;
  return [
    { name: name(few), value: median(few.latencies), format: inMilliseconds },
    { name: name(many), value: median(many.latencies), format: inMilliseconds },
    {
      name: 'Ratio of the two',
      value: median(many.latencies) / median(few.latencies),
      format: asRatio,
      target: { atMost: 1.2 },
    },
  ];
}

async function idleDaemon({ server, apiKey }: Bench): Promise<Figure[]> {
  return [{ name: 'Idle daemon', value: await measureIdleDaemon(server, apiKey), format: inMegabytes }];
}

async function commands({ server, apiKey }: Bench): Promise<Figure[]> {
  const version = await measureCommand(['--version'], server, apiKey);
  const list = await measureCommand(['run', 'list'], server, apiKey);
  return [
    { name: 'oz --version', value: median(version), format: inMilliseconds, target: { atMost: 80 } },
    { name: 'oz run list', value: median(list), format: inMilliseconds, target: { atMost: 200 } },
  ];
}
