import type { RunItem } from '../protocol/runs.ts';
import { createPaint, stateStyles } from './colours.ts';
import { plain, shorten } from './plain.ts';
import { table } from './table.ts';

/** A run for people, a few lines of facts. */
export function runCard(run: RunItem, colour: boolean): string {
  const paint = createPaint(colour);
  const facts = Object.entries(factsOf(run)).filter(([, value]) => value !== '');
  const lines = facts.map(([name, value]) => `  ${paint('dim', `${name}:`.padEnd(10))} ${plain(value)}\n`);
  return `${paint(stateStyles[run.state], run.state)}  ${paint('bold', plain(run.title))}\n${lines.join('')}`;
}

/** Runs as an aligned table, one a line. */
export function runTable(runs: readonly RunItem[]): string {
  const lines = runs.map((run) => {
    const { Harness: harness, Host: host, Created: created } = factsOf(run);
    return [run.run_id, run.state, harness, host || '-', created, shorten(plain(run.title), 60)];
  });
  return table([['RUN ID', 'STATE', 'HARNESS', 'HOST', 'CREATED', 'TITLE'], ...lines]);
}

function factsOf(run: RunItem) {
  return {
    Run: run.run_id,
    Reason: reasonOf(run),
    Harness: run.agent_config.harness?.type ?? 'oz',
    Host: run.agent_config.worker_host ?? '',
    Source: run.source,
    Created: run.created_at.replace(/\.\d+/, ''),
    Took: inWords(run.run_time),
    Warning: (run.warnings ?? []).join(' '),
  };
}

function reasonOf({ status_message: status }: RunItem): string {
  if (status === undefined) return '';
  return status.error_code ? `${status.message} (${status.error_code})` : status.message;
}

/** `PT1M2.5S` as `1m 2.5s`. */
function inWords(duration: string | undefined): string {
  const parts = duration?.toLowerCase().match(/[\d.]+[dhms]/g) ?? [];
  return parts.join(' ');
}
