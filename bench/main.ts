import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { Pool } from 'pg';
import { findEmbeddedPostgres } from '../src/server/store/embedded-postgres/embedded-postgres.ts';
import { startServer } from '../test/helpers/programs.ts';
import { measureCommand } from './command-line.ts';
import { measureDispatch } from './dispatch-latency.ts';
import { median, percentile } from './figures.ts';
import { measureThroughput } from './throughput.ts';

/**
 * Some figures of what this is built to be fast at, measured on the release build in about a minute. A benchmark, not a
 * test: run it on a machine that does nothing else.
 */
console.log(machine());
await using server = await startServer();
const apiKey = await server.createApiKey('bench');
const address = await findEmbeddedPostgres(server.dataDir);
if (address === undefined) throw new Error(`The server has made no database in ${server.dataDir}.`);
const pool = new Pool(address);

const dispatch = await measureDispatch(server, apiKey);
const throughput = await measureThroughput(server, apiKey, pool);
const version = await measureCommand(['--version'], server, apiKey);
const list = await measureCommand(['run', 'list'], server, apiKey);
await pool.end();

console.table([
  row('Dispatch, POST until oz executes: p50', median(dispatch), inMilliseconds, { atMost: 15 }),
  row('Dispatch, POST until oz executes: p99', percentile(dispatch, 99), inMilliseconds, { atMost: 60 }),
  row('Runs from POST to outcome', throughput.runs, perSecond),
  row('Bare Postgres, the same commits', throughput.bare, perSecond),
  row(`Ratio of the two (rounds: ${throughput.spread.map(asRatio).join(' to ')})`, throughput.ratio, asRatio, {
    atLeast: 0.5,
  }),
  row('oz --version', median(version), inMilliseconds, { atMost: 80 }),
  row('oz run list', median(list), inMilliseconds, { atMost: 200 }),
]);

type Target = { atMost: number } | { atLeast: number };

function row(figure: string, value: number, format: (value: number) => string, target?: Target) {
  return { figure, value: format(value), target: target ? inWords(target, format) : '', met: verdict(value, target) };
}

function inWords(target: Target, format: (value: number) => string): string {
  return 'atMost' in target ? `≤ ${format(target.atMost)}` : `≥ ${format(target.atLeast)}`;
}

function verdict(value: number, target: Target | undefined): string {
  if (target === undefined) return '';
  return ('atMost' in target ? value <= target.atMost : value >= target.atLeast) ? 'yes' : 'no';
}

function inMilliseconds(duration: number): string {
  return `${duration.toFixed(1)} ms`;
}

function perSecond(rate: number): string {
  return `${rate.toFixed(0)}/s`;
}

function asRatio(ratio: number): string {
  return ratio.toFixed(2);
}

function machine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  const name = `${processors.length} × ${processors[0]?.model ?? arch()}, ${memory} GB, ${platform()} ${release()}`;
  return `${name}, Node ${process.versions.node}, load before ${loadavg()[0]?.toFixed(1)}`;
}
