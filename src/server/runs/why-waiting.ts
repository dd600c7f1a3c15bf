import { hasRoom, type Seats } from './seats.ts';

/** Why a queued run waits, as a sentence. */
export function whyWaiting(seats: Seats, run: { team_id: string; worker_host: string | null }): string {
  const possible = [...seats.of({ teamId: run.team_id, host: run.worker_host ?? '' })];
  const worker = run.worker_host === null ? 'worker' : `worker \`${run.worker_host}\``;
  if (possible.length === 0) return `No ${worker} is connected.`;
  const workers = possible.length === 1 ? `1 ${worker}` : `${possible.length} ${worker.replace(/^worker/, 'workers')}`;
  if (possible.some(hasRoom)) return `${workers} connected, about to be offered the run.`;
  return `${workers} connected, ${possible.length === 1 ? '' : 'all '}${inWords(possible.every((seat) => seat.silent))}.`;
}

function inWords(allSilent: boolean): string {
  return allSilent ? 'not answering' : 'full';
}
