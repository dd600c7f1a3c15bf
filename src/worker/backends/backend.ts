import type { ConsoleStream } from '../../protocol/streams.ts';
import type { Assignment, FailureReason } from '../../protocol/worker-link.ts';

/** How a worker executes tasks. */
export interface Backend {
  /**
   * Carries out one task from its preparation to its teardown. When `signal` is aborted the task ends early, teardown
   * included. Every failure is an outcome; a rejection is a fault of the backend's own.
   */
  execute(task: Task): Promise<TaskOutcome>;
}

export interface Task {
  readonly assignment: Assignment;
  readonly signal: AbortSignal;
  readonly console: TaskConsole;
  /** Told what `execute` will answer, as soon as that is certain: teardown, which is yet to come, may take its time. */
  onOutcome(outcome: TaskOutcome): void;
}

/** Where a backend shows what a task's commands write. */
export interface TaskConsole {
  /** Follows a file as it grows, with the secrets hidden. */
  open(stream: ConsoleStream, file: string, secrets: readonly string[]): Promise<void>;
}

export type TaskOutcome =
  | { kind: 'completed' }
  /** It ended because its signal was aborted. */
  | { kind: 'ended' }
  | TaskFailure;

export interface TaskFailure {
  kind: 'failed';
  reason: FailureReason;
  /** A sentence for people. */
  message: string;
  /** 128 + signal for a killed process. */
  exitCode?: number;
}
