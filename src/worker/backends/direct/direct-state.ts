import { z } from 'zod';
import type { ContainmentState } from '../../../process/containment.ts';
import type { IsolationState } from './isolation/isolation.ts';

/**
 * Where a task stands; each stage leads to the next one, and may be begun again by the next daemon:
 *
 * ```
 * place → setup → agent → end → teardown → clean → over
 *   │       └─ failed ──────↗                ↑
 *   └─ failed ───────────────────────────────┘
 * ```
 *
 * `end` ends every process of the task, `teardown` runs what it is named for, `clean` removes what was made.
 */
export const stages = ['place', 'setup', 'agent', 'end', 'teardown', 'clean', 'over'] as const;
export type Stage = (typeof stages)[number];

/** What the next daemon needs of a task; saved from the moment on when the task has a place. */
export const directStateSchema = z.object({
  stage: z.enum(stages),
  workspace: z.string(),
  isShared: z.boolean(),
  /** Which folder it is: another daemon may have moved it aside and put one of its own in its place. */
  workspaceInode: z.number().optional(),
  containment: z.custom<ContainmentState>((value) => value instanceof Object),
  isolation: z.custom<IsolationState>((value) => value instanceof Object),
  /** Values that must not be shown, from the start on. */
  secrets: z.array(z.string()),
  /** Those that came with setup: hidden in what comes after it. */
  secretsOfSetup: z.array(z.string()),
  /** Until when teardown may run, in milliseconds since the Unix epoch. */
  teardownDeadline: z.number().optional(),
  teardownProblem: z.string().optional(),
});
export type DirectState = z.infer<typeof directStateSchema>;
