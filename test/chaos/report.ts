import { lossesOf, type Scenario } from './scenario.ts';
import type { Verdict } from './verdict.ts';

/** What came of one scenario: a verdict, or why there is none. */
export interface Row {
  readonly scenario: Scenario;
  readonly runs: number;
  seconds?: number;
  verdict?: Verdict;
  /** What this machine lacks for it. */
  lack?: string;
  /** It could not be played to its end. */
  failure?: string;
}

/** How far it is: a line that the next one replaces where somebody watches, and stays in a log. */
export function inform(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}

export function printTable(rows: readonly Row[]): void {
  inform('');
  const lines = [heading, ...rows.map(cells), total(rows)];
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) {
    const padded = line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    process.stdout.write(`${padded.join('  ').trimEnd()}\n`);
  }
  for (const { scenario, lack } of rows) {
    if (lack) process.stdout.write(`${scenario.name} was not played: ${lack.replace(/\.$/, '')}.\n`);
  }
}

/** Everything that was lost, and how to see it again. */
export function printLosses(
  rows: readonly Row[],
  { seed, runs, logs }: { seed: number; runs: string; logs: string },
): void {
  for (const { scenario, verdict, failure } of rows) {
    const found = [...(failure ? [failure] : []), ...(verdict ? lossesOf(verdict) : [])];
    if (found.length === 0) continue;
    process.stdout.write(
      `\n${scenario.name}: npm run chaos -- --seed ${seed} --runs ${runs} --only ${scenario.name}\n`,
    );
    process.stdout.write(`  logs: ${logs}/${scenario.name}\n`);
    for (const line of found.slice(0, mostShown)) process.stdout.write(`  ${line}\n`);
    if (found.length > mostShown) process.stdout.write(`  … and ${found.length - mostShown} more\n`);
  }
}

const mostShown = 20;

const heading = [
  'scenario',
  'acknowledged',
  'faults',
  'lost',
  'doubled',
  'untrue',
  'teardowns',
  'holes',
  'surviving',
  'left',
  'longest to the truth',
  'took',
];

function cells({ scenario, verdict, lack, seconds = 0 }: Row): string[] {
  const took = `${seconds.toFixed(0)} s`;
  if (!verdict) return [scenario.name, lack ? 'not played' : 'FAILED', ...Array.from({ length: 9 }, () => '–'), took];
  const { losses } = verdict;
  const counts = [
    losses.lost,
    losses.doubled,
    losses.untrue,
    losses.teardowns,
    losses.holes,
    losses.surviving,
    losses.left,
  ];
  return [
    scenario.name,
    String(verdict.acknowledged),
    String(verdict.faults),
    ...counts.map((found) => String(found.length)),
    inSeconds(verdict.longest),
    took,
  ];
}

function total(rows: readonly Row[]): string[] {
  const columns = rows.filter(({ verdict }) => verdict).map((row) => cells(row).slice(1, 10).map(Number));
  const sums = Array.from({ length: 9 }, (_, column) =>
    columns.reduce((sum, counts) => sum + (counts[column] ?? 0), 0),
  );
  const longest = Math.max(0, ...rows.map(({ verdict }) => verdict?.longest ?? 0));
  const took = rows.reduce((sum, { seconds = 0 }) => sum + seconds, 0);
  return ['all', ...sums.map(String), inSeconds(longest), `${took.toFixed(0)} s`];
}

function inSeconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
