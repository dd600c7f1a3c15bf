import { z } from 'zod';
import type { Logger } from '../../common/logger.ts';
import type { ConsoleStream } from '../../protocol/streams.ts';
import { failureReasons, type Assignment } from '../../protocol/worker-link.ts';

/** How a worker executes tasks. */
export interface Backend {
  /**
   * Carries out one task from its preparation to its teardown, or what is left of it when an earlier daemon began it. When
   * `signal` is aborted the task ends early, teardown included. Every failure is an outcome; a rejection is a fault of
   * the backend's own.
   */
  execute(task: Task): Promise<TaskEnding>;
}

export interface Task {
  readonly assignment: Assignment;
  /** Rises from 0; no other task that runs here has the same. */
  readonly slot: number;
  readonly signal: AbortSignal;
  readonly console: TaskConsole;
  readonly memory: TaskMemory;
  /** Names the task in every line. */
  readonly log: Logger;
  /** Told what `execute` will answer, as soon as that is certain: teardown, which is yet to come, may take its time. */
  onOutcome(outcome: TaskOutcome): Promise<void>;
  onStage(stage: ConsoleStream, change: 'started' | 'ended', problem?: string): void;
}

/** What outlives the daemon. */
export interface TaskMemory {
  /** A private folder of the task's own, which goes with it. */
  readonly folder: string;
  /** Whether an earlier daemon had the task before. */
  readonly isInherited: boolean;
  /** What was last saved; undefined before anything was. */
  readonly saved: unknown;
  /** What an earlier daemon was told by `onOutcome`. */
  readonly outcome: TaskOutcome | undefined;
  save(state: unknown): Promise<void>;
  /** Gives up what was kept in reserve for a full disk, where it is as good as full. */
  makeRoom(): Promise<void>;
}

/** Where a backend shows what a task's commands write. */
export interface TaskConsole {
  /** Follows a file as it grows, with the secrets hidden. */
  open(stream: ConsoleStream, file: string, secrets: readonly string[]): Promise<void>;
}

const taskFailureSchema = z.object({
  kind: z.literal('failed'),
  reason: z.enum(failureReasons),
  /** A sentence for people. */
  message: z.string(),
  /** 128 + signal for a killed process. */
  exitCode: z.int().optional(),
});

export const taskOutcomeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('completed') }),
  /** It ended because its signal was aborted. */
  z.object({ kind: z.literal('ended') }),
  taskFailureSchema,
]);
export type TaskFailure = z.infer<typeof taskFailureSchema>;
export type TaskOutcome = z.infer<typeof taskOutcomeSchema>;

export interface TaskEnding {
  outcome: TaskOutcome;
  /** What went wrong with its teardown, as a sentence; no part of its outcome. */
  teardownProblem?: string | undefined;
}
