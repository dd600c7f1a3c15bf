import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { fileWith, startTestWorker } from '../../test/helpers/test-worker.ts';

test('a task is claimed, set up, carried out, torn down and reported', async () => {
  const worker = await startTestWorker({
    setup: 'pwd; echo FROM_SETUP=yes >> "$OZ_ENVIRONMENT_FILE"; echo made > made',
    oz: 'cat made; echo "agent: $FROM_SETUP $*"',
    teardown: `ls; [ -e "$OZ_ENVIRONMENT_FILE" ] && echo 'the file is still there'; echo torn`,
  });
  const { taskId, executionId } = worker.assign();
  const completed = await worker.server.waitFor('task_completed', taskId);
  expect(completed.data).toEqual({ task_id: taskId, execution_id: executionId, message: 'The task is completed.' });
  expect(worker.server.received.map(({ type }) => type)).toEqual([
    'task_claimed',
    'task_phase',
    'task_phase',
    'task_completed',
  ]);
  expect(worker.server.received[1]?.data).toMatchObject({ phase: 'preparing' });
  expect(worker.server.received[2]?.data).toMatchObject({ phase: 'ending' });
  expect(worker.server.received[0]?.data).toMatchObject({ worker_id: 'test-worker', execution_id: executionId });
  const text = (stream: string) => worker.server.console(executionId, stream).toString();
  expect(text('setup')).toBe(`${join(worker.root, taskId)}\n`);
  expect(text('agent')).toContain('made\nagent: yes agent run --task-id');
  expect(text('teardown')).toBe('made\ntorn\n');
  expect(await readdir(worker.root)).toEqual([]);
});

test('a stock server gets the stock messages', async () => {
  const worker = await startTestWorker({ oz: 'echo hello', isV2: false });
  const { taskId } = worker.assign();
  expect((await worker.server.waitFor('task_completed')).data).toEqual({
    task_id: taskId,
    message: 'The task is completed.',
  });
  expect(worker.server.received[0]?.data).toEqual({ task_id: taskId, worker_id: 'test-worker' });
});

test.each([
  [
    { setup: 'exit 3' },
    { failure_reason: 'setup_command', exit_code: 3, message: 'The setup command exited with code 3.' },
  ],
  [{ setup: 'kill -9 $$' }, { failure_reason: 'setup_command', exit_code: 137 }],
  [
    { setup: 'printf "A=1\\nnot a line\\n" > "$OZ_ENVIRONMENT_FILE"' },
    {
      failure_reason: 'setup_command',
      message: 'The environment that setup left cannot be used: line 2 of the environment file is not NAME=value.',
    },
  ],
  [{ oz: 'exit 4' }, { failure_reason: 'agent_invocation', exit_code: 4, message: 'The agent exited with code 4.' }],
  [{ oz: 'kill -TERM $$' }, { failure_reason: 'agent_invocation', exit_code: 143 }],
  [{ setup: 'rm "$PWD/../../oz"' }, { failure_reason: 'agent_invocation' }],
])('what fails in %j is reported, and teardown runs', async (setup, expected) => {
  const worker = await startTestWorker({ ...setup, teardown: 'echo torn' });
  const { taskId, executionId } = worker.assign();
  expect((await worker.server.waitFor('task_failed', taskId)).data).toMatchObject(expected);
  expect(worker.server.console(executionId, 'teardown').toString()).toBe('torn\n');
  expect(await readdir(worker.root)).toEqual([]);
});

test('a workspace that cannot be made is reported', async () => {
  const worker = await startTestWorker();
  await rm(worker.root, { recursive: true });
  await writeFile(worker.root, '');
  const { taskId } = worker.assign();
  expect((await worker.server.waitFor('task_failed', taskId)).data).toMatchObject({
    failure_reason: 'workspace_setup',
  });
});

test('a failing teardown is told, and is no part of the outcome', async () => {
  const worker = await startTestWorker({ teardown: 'exit 9' });
  const completed = await worker.server.waitFor('task_completed', worker.assign().taskId);
  expect(completed.data.teardown_problem).toBe('The teardown command exited with code 9.');
  expect(worker.process.output()).toContain('The teardown command exited with code 9');
});

test('a kept workspace of the same id is moved aside, foreign files are left alone', async () => {
  const worker = await startTestWorker({ oz: 'ls' });
  const taskId = randomUUID();
  await mkdir(join(worker.root, taskId));
  await writeFile(join(worker.root, taskId, 'precious'), '');
  await writeFile(join(worker.root, 'foreign'), '');
  const { executionId } = worker.assign({ taskId });
  await worker.server.waitFor('task_completed', taskId);
  expect(worker.server.console(executionId, 'agent').toString()).toBe('');
  const left = (await readdir(worker.root)).sort();
  expect(left).toHaveLength(2);
  expect(left[0] === 'foreign' ? left[1] : left[0]).toMatch(new RegExp(`^${taskId}\\.kept-`));
});

test('--no-cleanup keeps the workspace and runs teardown', async () => {
  const worker = await startTestWorker({ oz: 'echo x > made', teardown: 'echo torn > torn', args: ['--no-cleanup'] });
  const { taskId } = worker.assign();
  await worker.server.waitFor('task_completed', taskId);
  expect((await readdir(join(worker.root, taskId))).sort()).toEqual(['made', 'torn']);
});

test('--target-dir is shared and never removed', async () => {
  const worker = await startTestWorker({ oz: 'pwd', direct: ['target_dir: /tmp'] });
  const { taskId, executionId } = worker.assign();
  await worker.server.waitFor('task_completed', taskId);
  expect(worker.server.console(executionId, 'agent').toString()).toBe('/tmp\n');
});

test('a worker that is full rejects, and takes again when a task has ended', async () => {
  const worker = await startTestWorker({
    oz: 'echo ready > ready; until [ -e go ]; do sleep 0.01; done',
    args: ['--max-concurrent-tasks', '2'],
  });
  const [one, two, three] = [worker.assign(), worker.assign(), worker.assign()];
  const rejected = await worker.server.waitFor('task_rejected');
  expect(rejected.data).toMatchObject({ task_id: three.taskId, reason: 'This worker is full: it runs 2 tasks.' });
  await fileWith(join(worker.root, one.taskId, 'ready'), 'ready');
  await writeFile(join(worker.root, one.taskId, 'go'), '');
  await worker.server.waitFor('task_completed', one.taskId);
  const four = worker.assign();
  await worker.server.waitFor('task_claimed', four.taskId);
  for (const { taskId } of [two, four]) worker.cancel(taskId);
  await worker.server.waitFor('task_completed', four.taskId);
});

test('a task that still runs here is rejected', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; exec sleep 600' });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.assign({ taskId });
  expect((await worker.server.waitFor('task_rejected')).data.reason).toBe('This worker still has this task.');
});

test('a hundred tasks at once all end well', async () => {
  const worker = await startTestWorker({ oz: 'echo $TASK_ID' });
  const tasks = Array.from({ length: 100 }, () => worker.assign());
  for (const { taskId } of tasks) await worker.server.waitFor('task_completed', taskId);
  for (const { taskId, executionId } of tasks) {
    expect(worker.server.console(executionId, 'agent').toString()).toBe(`${taskId}\n`);
  }
  expect(await readdir(worker.root)).toEqual([]);
});

test('an argument of 64 KiB arrives whole', async () => {
  const worker = await startTestWorker({ oz: 'for a; do echo ${#a}; done | sort -n | tail -1' });
  const { taskId, executionId } = worker.assign({ args: ['x'.repeat(65_536)] });
  await worker.server.waitFor('task_completed', taskId);
  expect(worker.server.console(executionId, 'agent').toString()).toBe('65536\n');
});

test.each(['../escape', '/tmp/escape', '..', 'a/b', '', 'A0000000-0000-4000-8000-000000000000'])(
  'the task id %j never becomes a path',
  async (taskId) => {
    const worker = await startTestWorker({ oz: 'touch ran' });
    worker.server.send({ type: 'task_assignment', data: { task_id: taskId, task: { id: taskId } } });
    await worker.server.waitFor('task_completed', worker.assign().taskId);
    expect(worker.server.received.map(({ type }) => type)).toEqual(['task_claimed', 'task_phase', 'task_completed']);
    expect(await readdir(worker.root)).toEqual([]);
  },
);

test('a malformed message and an unknown one are passed over, and never logged in words', async () => {
  const worker = await startTestWorker({ args: ['--log-level', 'debug'] });
  worker.server.send({ type: 'task_assignment', data: { env_vars: { A: 'very-secret' } } });
  worker.server.send({ type: 'news', data: 'very-secret' });
  const { taskId } = worker.assign();
  await worker.server.waitFor('task_completed', taskId);
  expect(worker.process.output()).toContain('malformed');
  expect(worker.process.output()).not.toContain('very-secret');
  expect(worker.process.output()).not.toContain(`token-of-${taskId}`);
});
