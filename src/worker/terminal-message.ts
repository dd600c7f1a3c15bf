import type { Assignment, FailureReason, TaskMessage } from '../protocol/worker-link.ts';
import type { TaskOutcome } from './backends/backend.ts';
import type { Entry, TaskEndKind } from './journal/entry.ts';

type TerminalMessage = Extract<TaskMessage, { type: 'task_completed' | 'task_failed' }>;

/** The one message that ends a task on the wire. Every daemon that has the entry makes the same of it. */
export function terminalMessage({ assignment, outcome, end, teardownProblem }: Entry): TerminalMessage {
  const ids = idsOf(assignment);
  const common = teardownProblem === undefined ? ids : { ...ids, teardown_problem: teardownProblem };
  const known = outcome ?? { kind: 'ended' };
  if (known.kind === 'completed') {
    return { type: 'task_completed', data: { ...common, message: 'The task is completed.' } };
  }
  if (known.kind === 'failed') return { type: 'task_failed', data: { ...common, ...failureData(known) } };
  return endMessage(end ?? 'cancelled', common);
}

export function idsOf({ task_id, execution_id }: Pick<Assignment, 'task_id' | 'execution_id'>) {
  return execution_id === undefined ? { task_id } : { task_id, execution_id };
}

function endMessage(end: TaskEndKind, ids: ReturnType<typeof idsOf>): TerminalMessage {
  const { message, ...how } = endings[end];
  if ('failure_reason' in how) return { type: 'task_failed', data: { ...ids, message, ...how } };
  return { type: 'task_completed', data: { ...ids, message, ...how } };
}

type Ending = { message: string } & ({ task_state: string } | { failure_reason: FailureReason });

const endings: Record<TaskEndKind, Ending> = {
  cancelled: { message: 'The task was cancelled.', task_state: 'CANCELLED' },
  released: { message: 'The task gave up its slot.', task_state: 'RELEASED' },
  shutdown: { message: 'The worker is shutting down.', failure_reason: 'graceful_shutdown' },
  timeout: { message: 'The task took longer than task_timeout of this worker allows.', failure_reason: 'task_timeout' },
  fenced: {
    message: 'The worker ended the task: the server had given it up, or could not be reached for long.',
    failure_reason: 'evicted',
  },
};

function failureData({ message, reason, exitCode }: Extract<TaskOutcome, { kind: 'failed' }>) {
  return { message, failure_reason: reason, ...(exitCode === undefined ? {} : { exit_code: exitCode }) };
}
