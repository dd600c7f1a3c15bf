import type { RunItem } from '../../protocol/runs.ts';
import { isTerminal } from '../../protocol/states.ts';
import { formatDuration, parseIsoDuration } from './time.ts';

/** How long a run took, or takes until `now` (milliseconds since the epoch); undefined before its start. */
export function runDuration(run: Pick<RunItem, 'state' | 'started_at' | 'run_time'>, now: number): string | undefined {
  const live = !isTerminal(run.state) && run.started_at ? now - Date.parse(run.started_at) : undefined;
  const duration = live ?? (run.run_time === undefined ? undefined : parseIsoDuration(run.run_time));
  return duration === undefined ? undefined : formatDuration(duration);
}
