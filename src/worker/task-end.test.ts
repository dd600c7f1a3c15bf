import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectNoProcessesOf, fileWith, startTestWorker } from '../../test/helpers/test-worker.ts';

/** Ready once both a child in the group and one that left it run. */
const tree = 'sleep 600 & setsid sh -c "echo ready > ready; exec sleep 600" & wait';

test('a cancel ends the whole tree, the processes that left the group too, and then teardown runs', async () => {
  const worker = await startTestWorker({ oz: tree, teardown: 'echo torn' });
  const { taskId, executionId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.cancel(taskId);
  const completed = await worker.server.waitFor('task_completed', taskId);
  expect(completed.data).toMatchObject({ task_state: 'CANCELLED', message: 'The task was cancelled.' });
  await expectNoProcessesOf([taskId]);
  expect(worker.server.console(executionId, 'teardown').toString()).toBe('torn\n');
  expect(await readdir(worker.root)).toEqual([]);
});

test('a cancelled task may end in good order', async () => {
  const worker = await startTestWorker({
    oz: 'trap "echo saved; exit 0" TERM; echo ready > ready; while :; do sleep 0.01; done',
  });
  const { taskId, executionId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.cancel(taskId);
  expect((await worker.server.waitFor('task_completed', taskId)).data.task_state).toBe('CANCELLED');
  expect(worker.server.console(executionId, 'agent').toString()).toContain('saved');
});

test('a cancel during setup ends setup, and the agent is never started', async () => {
  const worker = await startTestWorker({
    setup: 'echo ready > ready; exec sleep 600',
    oz: 'echo started',
    teardown: 'echo torn',
  });
  const { taskId, executionId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.cancel(taskId);
  expect((await worker.server.waitFor('task_completed', taskId)).data.task_state).toBe('CANCELLED');
  expect(worker.server.console(executionId, 'agent').length).toBe(0);
  expect(worker.server.console(executionId, 'teardown').toString()).toBe('torn\n');
});

test('a cancel in the same breath as the assignment ends the task', async () => {
  const worker = await startTestWorker({ setup: 'sleep 600' });
  const { taskId } = worker.assign();
  worker.cancel(taskId);
  expect((await worker.server.waitFor('task_completed', taskId)).data.task_state).toBe('CANCELLED');
  expect(await readdir(worker.root)).toEqual([]);
});

test('a cancel during teardown changes nothing any more', async () => {
  const worker = await startTestWorker({
    teardown: 'echo ready > ../ready; until [ -e ../go ]; do sleep 0.01; done; rm ../go ../ready',
  });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, 'ready'), 'ready');
  worker.cancel(taskId);
  worker.cancel('00000000-0000-4000-8000-000000000000');
  // The answer to this shows that the cancel has been heard.
  worker.assign({ taskId });
  await worker.server.waitFor('task_rejected', taskId);
  await writeFile(join(worker.root, 'go'), '');
  expect((await worker.server.waitFor('task_completed', taskId)).data.task_state).toBeUndefined();
});

test('what a task leaves running is ended before teardown, and what teardown leaves after it', async () => {
  const worker = await startTestWorker({
    setup: 'setsid sleep 600 &',
    oz: 'setsid sleep 600 & sleep 600 & exit 0',
    teardown: 'grep -lz "^TASK_ID=$OZ_RUN_ID$" /proc/[0-9]*/environ 2>/dev/null | wc -l; setsid sleep 600 &',
  });
  const { taskId, executionId } = worker.assign();
  await worker.server.waitFor('task_completed', taskId);
  expect(worker.server.console(executionId, 'teardown').toString()).toBe('0\n');
  await expectNoProcessesOf([taskId]);
});

test('setup may leave a service running for the agent', async () => {
  const worker = await startTestWorker({
    setup: 'setsid sleep 600 & echo SERVICE=$! >> "$OZ_ENVIRONMENT_FILE"',
    oz: 'kill -0 "$SERVICE" && echo alive',
  });
  const { taskId, executionId } = worker.assign();
  await worker.server.waitFor('task_completed', taskId);
  expect(worker.server.console(executionId, 'agent').toString()).toBe('alive\n');
});

test('at a cancelling shutdown every task is reported at once, then ended and torn down, and the daemon exits with 0', async () => {
  const teardown = 'until [ -e ../go ]; do sleep 0.01; done; touch ../torn-$OZ_RUN_ID';
  const worker = await startTestWorker({ oz: tree, teardown, lines: ['on_shutdown: cancel'] });
  const tasks = [worker.assign(), worker.assign()];
  for (const { taskId } of tasks) await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.process.kill('SIGTERM');
  for (const { taskId } of tasks) {
    const failed = await worker.server.waitFor('task_failed', taskId);
    expect(failed.data.failure_reason).toBe('graceful_shutdown');
  }
  const late = worker.assign();
  expect((await worker.server.waitFor('task_rejected', late.taskId)).data.reason).toContain('shutting down');
  // Teardown waits for this, so what was said above was said before it.
  await writeFile(join(worker.root, 'go'), '');
  expect(await worker.process.exited).toEqual({ code: 0, signal: null });
  expect((await readdir(worker.root)).sort()).toEqual(['go', ...tasks.map(({ taskId }) => `torn-${taskId}`).sort()]);
  expect(worker.server.received.filter(({ type }) => type === 'task_failed')).toHaveLength(2);
});

test('at a cancelling shutdown a task that another attempt may follow is reported once it has ended', async () => {
  const teardown = 'touch ../torn; until [ -e ../go ]; do sleep 0.01; done';
  const worker = await startTestWorker({ oz: tree, teardown, lines: ['on_shutdown: cancel'] });
  const { taskId } = worker.assign({ fenceAfterSeconds: 90 });
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.process.kill('SIGTERM');
  await fileWith(join(worker.root, 'torn'), '');
  expect(worker.server.received.map(({ type }) => type)).not.toContain('task_failed');
  await writeFile(join(worker.root, 'go'), '');
  expect((await worker.server.waitFor('task_failed', taskId)).data.failure_reason).toBe('graceful_shutdown');
  expect((await worker.process.exited).code).toBe(0);
});

test('a task whose teardown runs at a cancelling shutdown is reported as it went', async () => {
  const teardown = 'echo ready > ../ready; until [ -e ../go ]; do sleep 0.01; done; rm ../go ../ready';
  const worker = await startTestWorker({ oz: 'exit 4', teardown });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, 'ready'), 'ready');
  worker.process.kill('SIGINT');
  const failed = await worker.server.waitFor('task_failed', taskId);
  expect(failed.data).toMatchObject({ failure_reason: 'agent_invocation', exit_code: 4 });
  await writeFile(join(worker.root, 'go'), '');
  expect((await worker.process.exited).code).toBe(0);
  expect(worker.server.received.map(({ type }) => type)).toEqual(['task_claimed', 'task_phase', 'task_failed']);
});

test('Ctrl-C ends the daemon and its tasks, whatever on_shutdown says', async () => {
  const worker = await startTestWorker({ oz: tree, lines: ['on_shutdown: drain'] });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.process.kill('SIGINT');
  expect((await worker.server.waitFor('task_failed', taskId)).data.failure_reason).toBe('graceful_shutdown');
  expect((await worker.process.exited).code).toBe(0);
});

test('a daemon does not outlive the program that started it', async () => {
  const worker = await startTestWorker({ oz: tree, ipc: true });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.process.hangUp();
  expect((await worker.process.exited).code).toBe(0);
  await expectNoProcessesOf([taskId]);
});

test('a second signal kills what does not end', async () => {
  const worker = await startTestWorker({ oz: 'trap "" TERM; echo ready > ready; while :; do sleep 0.01; done' });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  const began = performance.now();
  worker.process.kill('SIGINT');
  await worker.server.waitFor('task_failed', taskId);
  worker.process.kill('SIGTERM');
  expect((await worker.process.exited).code).toBe(0);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(existsSync(join(worker.root, taskId))).toBe(false);
});
