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

/** A run whose worker did not come back, or came back without it. */
export function outcomeOfLoss(workerId: string, reason: 'worker_lost' | 'task_lost'): Outcome {
  const what = {
    worker_lost: 'was lost: nothing was heard of it for too long',
    task_lost: 'came back without the task: it was started anew, or has lost its state folder',
  };
  return ended('resource_unavailable', `Worker \`${workerId}\` ${what[reason]}. Start the run again.`);
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

/** How a failure is taken, by its reason; every other reason is an `internal_error`. */
const failures: Partial<Record<FailureReason, (words: Words) => Outcome>> = {
  setup_command: environmentFailed,
  image_pull: environmentFailed,
  sidecar_prep: environmentFailed,
  container_create: environmentFailed,
  container_start: environmentFailed,
  init_container: environmentFailed,
  invalid_image: environmentFailed,
  volume_mount: environmentFailed,
  agent_invocation: agentFailed,
  container_exit: agentFailed,
  task_timeout: timeLimitExceeded,
  active_deadline: timeLimitExceeded,
  container_oom: (words) => limitExceeded('used more memory than it may', words),
  process_limit: (words) => limitExceeded('started more processes than it may', words),
  output_limit: (words) => limitExceeded('wrote more output than it may', words),
  graceful_shutdown: () =>
    ended('resource_unavailable', 'The worker was shut down while the task ran. Start the run again.'),
  workspace_setup: (words) =>
    ended('resource_unavailable', `The worker could not prepare the task: ${sentence(words)}`),
  evicted: placeLost,
  unschedulable: placeLost,
  task_cancelled: () =>
    ended('internal_error', 'The worker cancelled the task although nobody had asked for it. Start the run again.'),
};

function outcomeOfFailure(reason: FailureReason, words: Words): Outcome {
  const taken = failures[reason];
  return taken ? taken(words) : ended('internal_error', `The worker failed (${reason}): ${sentence(words)}`);
}

function environmentFailed(words: Words): Outcome {
  return ended('environment_setup_failed', `Preparing the environment failed: ${sentence(words)}`);
}

function agentFailed({ exit_code }: Words): Outcome {
  return ended('agent_failed', `The agent ${exitInWords(exit_code)} before it reported an outcome.`);
}

function timeLimitExceeded(words: Words): Outcome {
  return ended('time_limit_exceeded', `The worker’s time limit for a task was reached: ${sentence(words)}`);
}

function limitExceeded(what: string, words: Words): Outcome {
  return ended('resource_limit_exceeded', `The task ${what}: ${sentence(words)}`);
}

function placeLost(words: Words): Outcome {
  return ended('resource_unavailable', `The task lost, or never got, its place: ${sentence(words)}`);
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
