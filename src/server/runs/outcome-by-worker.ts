import { errorKinds, type ErrorCode } from '../../protocol/errors.ts';
import type { StatusMessage } from '../../protocol/runs.ts';
import type { TerminalRunState } from '../../protocol/states.ts';
import type { FailureReason, WorkerMessage } from '../../protocol/worker-link.ts';
import type { EndIntent } from '../store/schema.ts';

/** A worker's last word about a task. */
export type WorkerEnd = Extract<WorkerMessage, { type: 'task_completed' | 'task_failed' }>;

export interface Outcome {
  state: TerminalRunState;
  status: StatusMessage | null;
}

/** What a run became, as its worker tells it: believed only when the agent has said nothing of its turn. */
export function outcomeByWorker(end: WorkerEnd, execution: { end_intent: EndIntent | null }): Outcome {
  if (execution.end_intent !== null) return outcomeOfIntent(execution.end_intent);
  if (end.type === 'task_failed') return outcomeOfFailure(end.data.failure_reason ?? 'unknown', end.data);
  if (end.data.task_state === 'CANCELLED') return outcomeOfFailure('task_cancelled', end.data);
  return ended(
    'internal_error',
    'The agent ended without an outcome: it exited with code 0 but reported nothing. Look at its console output.',
  );
}

/** What a run that the server asked to end is taken for, whatever its end looked like. */
export function outcomeOfIntent(intent: EndIntent): Outcome {
  if (intent === 'cancelled') return { state: 'CANCELLED', status: { message: 'Cancelled on request.' } };
  return ended(
    'time_limit_exceeded',
    'The run took longer than it may. Give it less to do, or have the server’s run time limit raised.',
  );
}

/** A run whose worker did not come back. */
export function outcomeOfLoss(workerId: string): Outcome {
  return ended(
    'resource_unavailable',
    `Worker \`${workerId}\` was lost: its connection ended and it did not come back in time. Start the run again.`,
  );
}

/** A run that no worker took in time. */
export function outcomeOfExpiry(why: string): Outcome {
  return ended(
    'resource_unavailable',
    `The run waited too long for a worker. ${why} Connect a worker with room, then start the run again.`,
  );
}

interface Words {
  message: string;
  exit_code?: number | undefined;
}

function outcomeOfFailure(reason: FailureReason, words: Words): Outcome {
  switch (reason) {
    case 'setup_command':
    case 'image_pull':
    case 'sidecar_prep':
    case 'container_create':
    case 'container_start':
    case 'init_container':
    case 'invalid_image':
    case 'volume_mount':
      return ended('environment_setup_failed', `Preparing the environment failed: ${sentence(words)}`);
    case 'agent_invocation':
    case 'container_exit':
      return ended('agent_failed', `The agent ${exitInWords(words.exit_code)} before it reported an outcome.`);
    case 'task_timeout':
    case 'active_deadline':
      return ended('time_limit_exceeded', `The worker’s time limit for a task was reached: ${sentence(words)}`);
    case 'container_oom':
      return ended('resource_limit_exceeded', `The task used more memory than it may: ${sentence(words)}`);
    case 'graceful_shutdown':
      return ended('resource_unavailable', 'The worker was shut down while the task ran. Start the run again.');
    case 'workspace_setup':
      return ended('resource_unavailable', `The worker could not make the task’s workspace: ${sentence(words)}`);
    case 'evicted':
    case 'unschedulable':
      return ended('resource_unavailable', `The task lost, or never got, its place: ${sentence(words)}`);
    case 'task_cancelled':
      return ended('internal_error', 'The worker cancelled the task although nobody had asked for it.');
    default:
      return ended('internal_error', `The worker failed (${reason}): ${sentence(words)}`);
  }
}

function ended(code: ErrorCode, message: string): Outcome {
  const { fault, retryable } = errorKinds[code];
  return { state: fault === 'user' ? 'FAILED' : 'ERROR', status: { message, error_code: code, retryable } };
}

function exitInWords(code: number | undefined): string {
  if (code === undefined) return 'ended without an exit code';
  return code > 128 && code < 192 ? `was killed by signal ${code - 128}` : `exited with code ${code}`;
}

const longestQuote = 2000;

function sentence({ message }: Words): string {
  const said = message.trim().slice(0, longestQuote).toWellFormed().replaceAll('\0', '\uFFFD');
  if (said === '') return 'the worker gave no reason.';
  return /[.!?…]$/.test(said) ? said : `${said}.`;
}
