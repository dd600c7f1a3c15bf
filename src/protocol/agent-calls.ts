import { z } from 'zod';
import { runStateSchema } from './states.ts';
import { statusMessageSchema } from './runs.ts';

/**
 * What an agent tells of its own run, with the token that its offer carried. Life cycle of a turn:
 *
 * 1. `PUT /agent/runs/{run_id}/turns/{turn}` with INPROGRESS: the attempt begins. The answer names the index of the
 *    first transcript entry to write.
 * 2. `POST /agent/runs/{run_id}/transcript`, as often as there is something to say.
 * 3. `PUT …/turns/{turn}` with a terminal state: the turn's outcome. It is taken once; saying the same again is
 *    answered alike, saying another is refused with `conflict`.
 *
 * With `idle` beside SUCCEEDED, the agent then waits for a follow-up, for as long as it was told to; it gives its slot up
 * when it is asked to end. Without it, the agent ends itself after its outcome.
 *
 * Every call may be repeated. `conflict` to any of them means that the execution is over or fenced: the agent ends
 * itself. A network error, 429 or 5xx means: try again, with backoff, for as long as the agent lives.
 */
export const reportTurnSchema = z.strictObject({
  state: runStateSchema.extract(['INPROGRESS', 'BLOCKED', 'SUCCEEDED', 'FAILED', 'ERROR', 'CANCELLED']),
  status_message: statusMessageSchema.optional(),
  /** The turn has succeeded, and the agent waits for the next one. */
  idle: z.boolean().optional(),
});
export type ReportTurn = z.infer<typeof reportTurnSchema>;

export const reportedTurnSchema = z.object({ state: runStateSchema, next_entry: z.int().min(0) });
export type ReportedTurn = z.infer<typeof reportedTurnSchema>;
