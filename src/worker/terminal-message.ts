import type { ExecutionId, RunId } from '../protocol/ids.ts';
import type { WorkerMessage } from '../protocol/worker-link.ts';
import type { TaskOutcome } from './backends/backend.ts';

/** Why a task was ended early: the reason of its signal. */
export class TaskEnd extends Error {
  readonly kind: 'cancelled' | 'shutdown';

  constructor(kind: TaskEnd['kind']) {
    super(`The task was ended: ${kind}`);
    this.name = 'TaskEnd';
    this.kind = kind;
  }
}

type TerminalMessage = Extract<WorkerMessage, { type: 'task_completed' | 'task_failed' }>;

/** The one message that ends a task on the wire. */
export function terminalMessage(
  ids: { task_id: RunId; execution_id?: ExecutionId },
  outcome: TaskOutcome,
  end: TaskEnd | undefined,
): TerminalMessage {
  if (outcome.kind === 'completed') {
    return { type: 'task_completed', data: { ...ids, message: 'The task is completed.' } };
  }
  if (outcome.kind === 'failed') return { type: 'task_failed', data: { ...ids, ...failureData(outcome) } };
  if (end?.kind === 'shutdown') {
    const message = 'The worker is shutting down.';
    return { type: 'task_failed', data: { ...ids, message, failure_reason: 'graceful_shutdown' } };
  }
  return { type: 'task_completed', data: { ...ids, message: 'The task was cancelled.', task_state: 'CANCELLED' } };
}

function failureData({ message, reason, exitCode }: Extract<TaskOutcome, { kind: 'failed' }>) {
  return { message, failure_reason: reason, ...(exitCode === undefined ? {} : { exit_code: exitCode }) };
}
