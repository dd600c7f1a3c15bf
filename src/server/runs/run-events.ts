import type { StatusMessage } from '../../protocol/runs.ts';
import type { ExecutionState, RunState } from '../../protocol/states.ts';

/** The name of the event that tells of a run's move; those that the official event stream knows are spelled its way. */
export const runEventTypes: Record<RunState, string> = {
  QUEUED: 'run_queued',
  PENDING: 'run_offered',
  CLAIMED: 'run_claimed',
  INPROGRESS: 'run_in_progress',
  BLOCKED: 'run_blocked',
  SUCCEEDED: 'run_succeeded',
  FAILED: 'run_failed',
  ERROR: 'run_errored',
  CANCELLED: 'run_cancelled',
};

/** `data` of an event in `runEventTypes`: what the run became, why, and what its execution became with it. */
export interface RunEventData {
  state: RunState;
  status_message: StatusMessage | null;
  execution?: ExecutionState;
  /** What went wrong beside it, such as a teardown. */
  warning?: string;
}
