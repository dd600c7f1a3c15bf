import { z } from 'zod';
import { assignmentSchema } from '../../protocol/worker-link.ts';
import { taskOutcomeSchema } from '../backends/backend.ts';

/** Why a task is ended before its agent ends by itself. */
export const taskEndKinds = ['cancelled', 'shutdown', 'timeout', 'fenced', 'released'] as const;
export type TaskEndKind = (typeof taskEndKinds)[number];

/**
 * What the daemon owns of one task, and must do or say about it yet:
 *
 * ```
 * claimed → live (the backend's stages) → over → acknowledged: the entry is gone
 * ```
 *
 * Whoever reads it goes on from there. Each of its facts is written down before anybody acts on it: `end` before the task
 * is ended, `outcome` before its teardown begins.
 */
export const entrySchema = z.object({
  version: z.literal(1),
  /** Holds the task's token. */
  assignment: assignmentSchema,
  slot: z.int().min(0),
  /** Milliseconds since the Unix epoch, as all times here. */
  claimedAt: z.number(),
  /** When the task is to be ended, whatever it is doing. */
  deadline: z.number().optional(),
  /** Whether the server knows that it was claimed. */
  isClaimSaid: z.boolean(),
  /** Its agent has answered and waits for a follow-up. */
  isIdle: z.boolean(),
  end: z.enum(taskEndKinds).optional(),
  /** The backend's own: its stage, and what it needs to go on. */
  backend: z.unknown().optional(),
  outcome: taskOutcomeSchema.optional(),
  teardownProblem: z.string().optional(),
  /** When nothing was left of the task but what must be said of it. */
  overAt: z.number().optional(),
  /** Whether the server has taken the last word of it. */
  isEndSaid: z.boolean(),
});
export type Entry = z.infer<typeof entrySchema>;
