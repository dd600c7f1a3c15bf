import type { ExecutionId } from '../../protocol/ids.ts';
import { markReachable, markUnreachable } from '../store/reachability.ts';
import { afterNow, nowOf, type RunContext } from './context.ts';
import { persist } from './persist.ts';
import type { Seats } from './seats.ts';

/**
 * Writes down of each execution whether a connection holds it now. Connections come and go while a write is on its way,
 * and two writes may pass each other: what no longer holds after one is written anew.
 */
export async function noteReachability(
  context: RunContext,
  seats: Seats,
  executions: readonly ExecutionId[],
): Promise<void> {
  const isHeld = (id: ExecutionId) => seats.holderOf(id) !== undefined;
  for (let due = executions; due.length > 0;) {
    const held = due.filter(isHeld);
    const alone = due.filter((id) => !isHeld(id));
    const wasWritten = await persist(context, 'Noting which executions can be reached', async () => {
      if (held.length > 0) await markReachable(context.db, held);
      if (alone.length === 0) return;
      await markUnreachable(context.db, alone, nowOf(context), afterNow(context, context.settings.lostAfter));
    });
    if (!wasWritten) return;
    due = [...held.filter((id) => !isHeld(id)), ...alone.filter(isHeld)];
  }
}
