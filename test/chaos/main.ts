import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lossesOf, perform } from './scenario.ts';
import { inform, printLosses, printTable, type Row } from './report.ts';
import { scenarios } from './scenarios/all.ts';

/**
 * Breaks the released programs on purpose, again and again, and counts what that has cost: `npm run chaos -- [--seed N]
 * [--runs N] [--only scenario,…]`. Ends with 1 if anything was lost.
 */
const { values } = parseArgs({
  options: { seed: { type: 'string' }, runs: { type: 'string', default: '1000' }, only: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const only = values.only?.split(',');
const unknown = only?.filter((name) => !scenarios.some((scenario) => scenario.name === name)) ?? [];
if (unknown.length > 0 || !Number.isInteger(seed) || !(Number(values.runs) > 0)) {
  process.stderr.write(`Scenarios: ${scenarios.map(({ name }) => name).join(', ')}; --seed and --runs take numbers.\n`);
  process.exit(2);
}
const logs = mkdtempSync(join(tmpdir(), 'oz-chaos-logs-'));
process.stdout.write(`Seed ${seed}; logs of what fails: ${logs}\n`);

/** What was started is ended before this program is. */
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());

const rows: Row[] = [];
for (const scenario of scenarios.filter(({ name }) => only?.includes(name) ?? true)) {
  if (stop.signal.aborted) break;
  const runs = Math.max(1, Math.round((scenario.share * Number(values.runs)) / 1000));
  const lack = await scenario.lacks?.();
  inform(`${scenario.name}: ${runs} runs…`);
  const from = performance.now();
  const row: Row = { scenario, runs };
  if (lack === undefined) {
    try {
      row.verdict = await perform(scenario, { seed, runs, logs, stop: stop.signal });
    } catch (error) {
      row.failure = (error as Error).stack ?? String(error);
    }
  } else row.lack = lack;
  row.seconds = (performance.now() - from) / 1000;
  rows.push(row);
}
printTable(rows);
const hasLoss = rows.some(({ verdict, failure }) => failure !== undefined || (verdict && lossesOf(verdict).length > 0));
if (hasLoss) printLosses(rows, { seed, runs: values.runs, logs });
// What was stopped, or has failed, may be in the middle of something that waits for what is gone.
if (stop.signal.aborted) process.exit(130);
if (rows.some(({ failure }) => failure !== undefined)) process.exit(1);
process.exitCode = hasLoss ? 1 : 0;
