import type { RunId } from '../../protocol/ids.ts';
import type { RunContext } from './context.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Seat } from './seat.ts';

/** For how long a new connection is not offered what an earlier one of its daemon left unanswered; in milliseconds. */
const lateAnswersWithin = 5_000;

/**
 * A claim that an earlier connection could not send comes first on the next one; until then, no second offer of it. The
 * returned function ends the wait.
 */
export function awaitLateAnswers(
  { context, dispatcher }: { context: RunContext; dispatcher: Dispatcher },
  seat: Seat,
  unanswered: ReadonlySet<RunId>,
): () => void {
  for (const runId of unanswered) seat.overdue.add(runId);
  if (unanswered.size === 0) return () => {};
  return context.clock.after(lateAnswersWithin, () => {
    for (const runId of unanswered) if (!seat.tasks.has(runId)) seat.overdue.delete(runId);
    if (seat.flags.open) dispatcher.reconsider(seat);
  });
}
