import type { RunId } from '../../protocol/ids.ts';
import type { Seat } from './seat.ts';
import type { Seats } from './seats.ts';

interface WaitingRun {
  id: RunId;
  team_id: string;
  worker_host: string | null;
}

/** Why a queued run waits, as a sentence. */
export function whyWaiting(seats: Seats, run: WaitingRun): string {
  const possible = [...seats.of({ teamId: run.team_id, host: run.worker_host ?? '' })];
  const worker = run.worker_host === null ? 'worker' : `worker \`${run.worker_host}\``;
  if (possible.length === 0) return `No ${worker} is connected.`;
  const workers = possible.length === 1 ? `1 ${worker}` : `${possible.length} ${worker.replace(/^worker/, 'workers')}`;
  const byReason = Map.groupBy(possible, (seat) => reasonOf(seat, run.id));
  if (byReason.has(undefined)) return `${workers} connected, about to be offered the run.`;
  const reasons = [...byReason].map(([reason, of]) => ({
    words: `${reason}${inNumbers(reason, of)}`,
    count: of.length,
  }));
  const [only] = reasons;
  if (reasons.length > 1) return `${workers} connected: ${counted(reasons).join(', ')}.`;
  return `${workers} connected, ${possible.length === 1 ? '' : 'all '}${only?.words}.`;
}

/** Reasons in one sentence: each worker of many may have a problem in words of its own. */
const mostReasons = 5;

function counted(reasons: readonly { words: string; count: number }[]): string[] {
  const others = reasons.slice(mostReasons).reduce((sum, { count }) => sum + count, 0);
  const words = reasons.slice(0, mostReasons).map(({ words, count }) => `${count} ${words}`);
  return others > 0 ? [...words, `${others} for other reasons`] : words;
}

/** Why the run does not go there; undefined where it may. */
function reasonOf(seat: Seat, runId: RunId): string | undefined {
  if (seat.refused.has(runId)) return 'not accepting this run';
  if (seat.capacity?.draining) return 'draining';
  if (seat.capacity?.problem !== undefined) return `taking nothing for now (${seat.capacity.problem})`;
  if (seat.hasRoom()) return undefined;
  return seat.flags.silent ? 'not answering' : 'full';
}

/** Of those that say how much they take. */
function inNumbers(reason: string | undefined, seats: readonly Seat[]): string {
  if (reason !== 'full' || !seats.every(({ capacity }) => capacity?.max_concurrent_tasks)) return '';
  const most = seats.reduce((sum, { capacity }) => sum + (capacity?.max_concurrent_tasks ?? 0), 0);
  const load = seats.reduce((sum, seat) => sum + seat.load, 0);
  return ` (${load} of ${most} tasks)`;
}
