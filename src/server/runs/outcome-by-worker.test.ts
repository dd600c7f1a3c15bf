import { expect, test } from 'vitest';
import type { RunId } from '../../protocol/ids.ts';
import type { FailureReason } from '../../protocol/worker-link.ts';
import type { EndIntent } from '../store/schema.ts';
import { outcomeByWorker, type WorkerEnd } from './outcome-by-worker.ts';

const task_id = '00000000-0000-4000-8000-000000000000' as RunId;
const message = 'It broke';

function completed(taskState?: string): WorkerEnd {
  return { type: 'task_completed', data: { task_id, message, ...(taskState && { task_state: taskState }) } };
}

function failed(failure_reason?: FailureReason, exit_code?: number): WorkerEnd {
  return { type: 'task_failed', data: { task_id, message, failure_reason, exit_code } };
}

const failedReasons: [FailureReason, string, string, boolean][] = [
  ['setup_command', 'FAILED', 'environment_setup_failed', false],
  ['image_pull', 'FAILED', 'environment_setup_failed', false],
  ['sidecar_prep', 'FAILED', 'environment_setup_failed', false],
  ['container_create', 'FAILED', 'environment_setup_failed', false],
  ['container_start', 'FAILED', 'environment_setup_failed', false],
  ['init_container', 'FAILED', 'environment_setup_failed', false],
  ['invalid_image', 'FAILED', 'environment_setup_failed', false],
  ['volume_mount', 'FAILED', 'environment_setup_failed', false],
  ['agent_invocation', 'FAILED', 'agent_failed', false],
  ['container_exit', 'FAILED', 'agent_failed', false],
  ['task_timeout', 'FAILED', 'time_limit_exceeded', false],
  ['active_deadline', 'FAILED', 'time_limit_exceeded', false],
  ['container_oom', 'FAILED', 'resource_limit_exceeded', false],
  ['graceful_shutdown', 'ERROR', 'resource_unavailable', true],
  ['workspace_setup', 'ERROR', 'resource_unavailable', true],
  ['evicted', 'ERROR', 'resource_unavailable', true],
  ['unschedulable', 'ERROR', 'resource_unavailable', true],
  ['task_cancelled', 'ERROR', 'internal_error', true],
  ['dispatch_command', 'ERROR', 'internal_error', true],
  ['unknown', 'ERROR', 'internal_error', true],
];

test.each(failedReasons)('%s ends a run %s with %s', (reason, state, error_code, retryable) => {
  expect(outcomeByWorker(failed(reason), { end_intent: null })).toMatchObject({
    state,
    status: { error_code, retryable, message: expect.stringMatching(/[.!?]$/) },
  });
});

test('an agent that exited with 0 and said nothing ends its run ERROR', () => {
  expect(outcomeByWorker(completed(), { end_intent: null })).toMatchObject({
    state: 'ERROR',
    status: { error_code: 'internal_error', message: expect.stringContaining('ended without an outcome') },
  });
});

test('an exit code is told in words, and so is a signal', () => {
  const words = (code?: number) =>
    outcomeByWorker(failed('agent_invocation', code), { end_intent: null }).status?.message;
  expect(words(3)).toContain('exited with code 3');
  expect(words(137)).toContain('was killed by signal 9');
  expect(words()).toContain('ended without an exit code');
});

const requestedEnds: [EndIntent, WorkerEnd, string][] = [
  ['cancelled', completed('CANCELLED'), 'CANCELLED'],
  ['cancelled', completed(), 'CANCELLED'],
  ['cancelled', failed('task_cancelled'), 'CANCELLED'],
  ['cancelled', failed('agent_invocation', 143), 'CANCELLED'],
  ['time_limit', failed('task_cancelled'), 'FAILED'],
  ['time_limit', completed('CANCELLED'), 'FAILED'],
];

test.each(requestedEnds)('a run that was to end as %s does, however its task ended', (end_intent, end, state) => {
  expect(outcomeByWorker(end, { end_intent }).state).toBe(state);
});

test('a cancel that nobody asked for is the platform’s fault', () => {
  expect(outcomeByWorker(completed('CANCELLED'), { end_intent: null })).toMatchObject({
    state: 'ERROR',
    status: { error_code: 'internal_error' },
  });
});
