import type { Clock } from '../../common/clock.ts';
import type { ReportTurn } from '../../protocol/agent-calls.ts';
import type { Recorder } from '../recorder.ts';

/** What does the thinking inside the workspace. */
export interface Harness {
  /**
   * Answers one prompt. A bad end is an outcome, not an exception. When the signal is aborted it ends all that it has
   * started and returns; what it returns then is nobody's outcome.
   */
  run(task: HarnessTask): Promise<ReportTurn>;
}

export interface HarnessTask {
  prompt: string;
  /** The workspace. */
  cwd: string;
  /** For files of its own, outside the workspace. */
  scratch: string;
  /** The environment of what the harness starts. */
  env: NodeJS.ProcessEnv;
  recorder: Recorder;
  signal: AbortSignal;
  clock: Clock;
}
