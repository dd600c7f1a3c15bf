import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { Seat } from './seat.ts';
import type { Seats } from './seats.ts';
import type { QueueName, Signals } from './signals.ts';

/**
 * Idle tasks: their agent has answered and waits for a follow-up, in a slot that another run may need. The daemon of a
 * stock worker knows no such thing; its agents end by themselves.
 */
export function watchIdle(signals: Signals, seats: Seats, onIdle: () => void): void {
  signals.onIdle((runId, executionId) => {
    const seat = seats.holderOf(executionId);
    if (seat?.instanceId === undefined) return;
    seat.idles(runId, executionId);
    // One that has not been welcomed yet is told then.
    if (!seat.flags.open) return;
    tellIdle(seat, runId, executionId);
    onIdle();
  });
}

export function tellIdle(seat: Seat, runId: RunId, executionId: ExecutionId): void {
  seat.connection.send({ type: 'task_idle', data: { task_id: runId, execution_id: executionId } });
}

/** Asks as many idle tasks to leave as runs wait in vain, the longest idle of each seat first. */
export function askToLeave(seats: Seats, queue: QueueName & { waiting: number }): void {
  const candidates = [...seats.withIdle(queue)].filter((seat) => mayServe(seat, queue.waiting));
  const asked = candidates.reduce((count, seat) => count + seat.leaving.size, 0);
  const choice = candidates.flatMap((seat) => [...seat.idle].map(([runId, id]) => ({ seat, runId, id })));
  const staying = choice.filter(({ seat, runId }) => !seat.leaving.has(runId));
  for (const { seat, runId, id } of staying.slice(0, Math.max(0, queue.waiting - asked))) {
    seat.leaving.add(runId);
    seat.connection.send({ type: 'leave_idle', data: { task_id: runId, execution_id: id } });
  }
}

/** Not one that drains, that takes nothing for now, or that may take none of the runs that wait. */
function mayServe({ flags, capacity, refused }: Seat, waiting: number): boolean {
  return flags.open && capacity?.draining === false && capacity.problem === undefined && refused.size < waiting;
}
