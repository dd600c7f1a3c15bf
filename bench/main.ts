import { Pool } from 'pg';
import { findEmbeddedPostgres } from '../src/server/store/embedded-postgres/embedded-postgres.ts';
import { startServer } from '../test/helpers/programs.ts';
import { measureBarePostgres } from './bare-postgres.ts';
import { measureDispatch } from './dispatch-latency.ts';
import { measureThroughput } from './throughput.ts';

/** The first two figures of what this is built to be fast at, measured on the release build. A benchmark, not a test. */
await using server = await startServer();
const apiKey = await server.createApiKey('bench');
const address = await findEmbeddedPostgres(server.dataDir);
if (address === undefined) throw new Error(`The server has made no database in ${server.dataDir}.`);
const pool = new Pool(address);

const latencies = (await measureDispatch(server, apiKey)).sort((a, b) => a - b);
const runs = await measureThroughput(server, apiKey, pool);
const bare = await measureBarePostgres(address);
await pool.end();

console.table([
  row('Dispatch, POST until oz executes: p50', inMilliseconds(percentile(50)), '≤ 15 ms', percentile(50) <= 15),
  row('Dispatch, POST until oz executes: p99', inMilliseconds(percentile(99)), '≤ 60 ms', percentile(99) <= 60),
  row('Runs from POST to outcome', `${runs.toFixed(0)}/s`, '', undefined),
  row('Bare Postgres, the same commits', `${bare.toFixed(0)}/s`, '', undefined),
  row('Ratio of the two', (runs / bare).toFixed(2), '≥ 0.5', runs / bare >= 0.5),
]);

function percentile(percent: number): number {
  return latencies[Math.ceil((latencies.length * percent) / 100) - 1] ?? Number.NaN;
}

function inMilliseconds(duration: number): string {
  return `${duration.toFixed(1)} ms`;
}

function row(figure: string, value: string, target: string, isMet: boolean | undefined) {
  return { figure, value, target, met: isMet === undefined ? '' : isMet ? 'yes' : 'no' };
}
