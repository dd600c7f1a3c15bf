import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import {
  expectNoProcessesOf,
  fileWith,
  processesOf,
  startTestWorker,
  type TestWorker,
} from '../../test/helpers/test-worker.ts';

/** A daemon dies, by whatever hand; the next one carries on what it had, and nothing is lost or done twice. */

/** Says where it is, waits there until it is let go, and writes down that it ran. */
const step = (name: string) =>
  `echo ${name} >> ../${name}-ran; echo before; until [ -e ../${name}-go ]; do sleep 0.01; done; echo after`;

test.each(['setup', 'oz', 'teardown'] as const)(
  'a daemon killed during %s costs nothing: the next one goes on with it',
  async (stage) => {
    const worker = await startTestWorker({ oz: 'echo agent', teardown: 'echo torn', [stage]: step(stage) });
    const { taskId, executionId } = worker.assign();
    await fileWith(join(worker.root, `${stage}-ran`), stage);
    await die(worker);
    await worker.relaunch();
    await writeFile(join(worker.root, `${stage}-go`), '');
    const completed = await worker.server.waitFor('task_completed', taskId);
    expect(completed.data).toEqual({ task_id: taskId, execution_id: executionId, message: 'The task is completed.' });
    expect(await readFile(join(worker.root, `${stage}-ran`), 'utf8')).toBe(`${stage}\n`);
    const console = worker.server.console(executionId, stage === 'oz' ? 'agent' : stage).toString();
    expect(console).toBe('before\nafter\n');
    expect((await readdir(worker.root)).sort()).toEqual([`${stage}-go`, `${stage}-ran`]);
    await expectNoProcessesOf([taskId]);
  },
);

test('what ended while no daemon was there is reported with its true exit code', async () => {
  const worker = await startTestWorker({ oz: `${step('oz')}; exit 7`, teardown: 'echo torn >> ../torn' });
  const { taskId, executionId } = worker.assign();
  await fileWith(join(worker.root, 'oz-ran'), 'oz');
  await die(worker);
  await writeFile(join(worker.root, 'oz-go'), '');
  await expect.poll(() => processesOf([taskId])).toEqual([]);
  await worker.relaunch();
  const failed = await worker.server.waitFor('task_failed', taskId);
  expect(failed.data).toMatchObject({ execution_id: executionId, failure_reason: 'agent_invocation', exit_code: 7 });
  expect(await readFile(join(worker.root, 'torn'), 'utf8')).toBe('torn\n');
  expect(worker.server.console(executionId, 'agent').toString()).toBe('before\nafter\n');
});

test('an agent that was killed together with its shim has no exit code, and none is invented', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; exec sleep 600' });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  await die(worker);
  const pids = await processesOf([taskId]);
  // So that the shim does not see the other one's end.
  for (const signal of ['SIGSTOP', 'SIGKILL']) for (const pid of pids) process.kill(pid, signal);
  await worker.relaunch();
  const { data } = await worker.server.waitFor('task_failed', taskId);
  expect(data).toMatchObject({ failure_reason: 'evicted', message: 'The agent was killed.' });
  expect(data.exit_code).toBeUndefined();
});

test('what the server has not acknowledged is said again by the next daemon', async () => {
  const worker = await startTestWorker({ oz: 'exit 3' });
  worker.server.withholdAcks();
  const { taskId, executionId } = worker.assign();
  await worker.server.waitFor('task_failed', taskId);
  await die(worker);
  worker.server.acknowledge();
  await worker.relaunch();
  await worker.server.until(() => worker.server.heard.filter(({ type }) => type === 'task_failed').length === 2);
  expect(worker.server.hellos.at(-1)?.executions).toEqual([{ task_id: taskId, execution_id: executionId }]);
  expect(worker.server.received.filter(({ type }) => type === 'task_failed')).toHaveLength(1);
});

test('a daemon that detaches leaves its tasks to the next one, and tells the server nothing', async () => {
  const worker = await startTestWorker({ oz: step('oz') });
  const { taskId, executionId } = worker.assign();
  await fileWith(join(worker.root, 'oz-ran'), 'oz');
  const { instance_id } = worker.server.hellos[0] ?? {};
  worker.process.kill('SIGTERM');
  expect(await worker.process.exited).toEqual({ code: 0, signal: null });
  expect(worker.server.received.map(({ type }) => type)).toEqual(['task_claimed']);
  expect(await processesOf([taskId])).not.toEqual([]);
  await worker.relaunch();
  expect(worker.server.hellos[1]).toMatchObject({ instance_id, executions: [{ execution_id: executionId }] });
  worker.assign({ taskId });
  await worker.server.waitFor('task_rejected', taskId);
  await writeFile(join(worker.root, 'oz-go'), '');
  await worker.server.waitFor('task_completed', taskId);
  expect(worker.server.console(executionId, 'agent').toString()).toBe('before\nafter\n');
});

test('with a stock server, too, the next daemon delivers', async () => {
  const worker = await startTestWorker({ oz: step('oz'), isV2: false });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, 'oz-ran'), 'oz');
  worker.process.kill('SIGTERM');
  await worker.process.exited;
  await writeFile(join(worker.root, 'oz-go'), '');
  await worker.relaunch();
  const completed = await worker.server.waitFor('task_completed', taskId);
  expect(completed.data).toEqual({ task_id: taskId, message: 'The task is completed.' });
});

test('a second SIGTERM cancels what the first would have left running', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; exec sleep 600', teardown: 'touch ../torn' });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.process.kill('SIGTERM');
  await expect.poll(() => worker.process.output()).toContain('left running');
  worker.process.kill('SIGTERM');
  expect((await worker.server.waitFor('task_failed', taskId)).data.failure_reason).toBe('graceful_shutdown');
  await worker.process.exited;
  expect(await readdir(worker.root)).toEqual(['torn']);
});

test('a daemon that drains takes nothing more, and ends when its tasks have', async () => {
  const worker = await startTestWorker({ oz: step('oz'), lines: ['on_shutdown: drain'] });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, 'oz-ran'), 'oz');
  worker.process.kill('SIGTERM');
  await worker.server.until(() => worker.server.capacities.at(-1)?.draining === true);
  const late = worker.assign();
  await worker.server.waitFor('task_rejected', late.taskId);
  await writeFile(join(worker.root, 'oz-go'), '');
  await worker.server.waitFor('task_completed', taskId);
  expect(await worker.process.exited).toEqual({ code: 0, signal: null });
});

test('a task that the server had given up is ended by the next daemon, and torn down', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; exec sleep 600', teardown: 'touch ../torn' });
  const { taskId, executionId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  await die(worker);
  worker.server.decide(executionId, 'end');
  await worker.relaunch();
  expect((await worker.server.waitFor('task_failed', taskId)).data.failure_reason).toBe('evicted');
  expect(await readdir(worker.root)).toEqual(['torn']);
});

test('two daemons share a state folder, a worker id and a workspace root, each with its own tasks', async () => {
  const worker = await startTestWorker({ oz: step('oz') });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, 'oz-ran'), 'oz');
  const first = worker.process;
  await worker.relaunch();
  expect(worker.server.hellos[1]?.executions).toEqual([]);
  expect(worker.server.hellos[1]?.instance_id).not.toBe(worker.server.hellos[0]?.instance_id);
  worker.process.kill('SIGTERM');
  await worker.process.exited;
  expect(await processesOf([taskId])).not.toEqual([]);
  first.kill('SIGKILL');
  await first.exited;
  await worker.relaunch();
  expect(worker.server.hellos[2]?.executions).toHaveLength(1);
  await writeFile(join(worker.root, 'oz-go'), '');
  await worker.server.waitFor('task_completed', taskId);
});

test('two executions of one run that two dead daemons had are both carried on, each in its own workspace', async () => {
  const both = 'echo $WARP_API_KEY > key; echo ran >> ../ran; until [ -e ../$WARP_API_KEY ]; do sleep 0.01; done';
  const worker = await startTestWorker({
    oz: both,
    teardown: 'cat key >> ../torn',
    direct: ['containment: environment'],
  });
  const first = worker.assign({ env: { WARP_API_KEY: 'token-1' } });
  await fileWith(join(worker.root, 'ran'), 'ran');
  const daemons = [worker.process];
  await worker.relaunch();
  daemons.push(worker.process);
  const second = worker.assign({ taskId: first.taskId, env: { WARP_API_KEY: 'token-2' } });
  await fileWith(join(worker.root, 'ran'), 'ran\nran');
  for (const daemon of daemons) daemon.kill('SIGKILL');
  await Promise.all(daemons.map(({ exited }) => exited));
  await worker.relaunch();
  const named = worker.server.hellos.at(-1)?.executions.map(({ execution_id }) => execution_id);
  expect(named?.sort()).toEqual([first.executionId, second.executionId].sort());
  const completed = () => worker.server.received.filter(({ type }) => type === 'task_completed').length;
  for (const count of [1, 2]) {
    await writeFile(join(worker.root, `token-${count}`), '');
    await worker.server.until(() => completed() === count);
  }
  expect(await readFile(join(worker.root, 'torn'), 'utf8')).toBe('token-1\ntoken-2\n');
  expect((await readdir(worker.root)).sort()).toEqual(['ran', 'token-1', 'token-2', 'torn']);
});

test('a daemon that drains lets go those that come to wait for a follow-up', async () => {
  const worker = await startTestWorker({ oz: 'echo > ready; exec sleep 600', lines: ['on_shutdown: drain'] });
  const { taskId, executionId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), '');
  worker.process.kill('SIGTERM');
  await worker.server.until(() => worker.server.capacities.at(-1)?.draining === true);
  worker.server.send({ type: 'task_idle', data: { task_id: taskId, execution_id: executionId } });
  expect((await worker.server.waitFor('task_completed', taskId)).data.task_state).toBe('RELEASED');
  expect(await worker.process.exited).toEqual({ code: 0, signal: null });
});

test('an entry that cannot be read is set aside, and keeps nobody from working', async () => {
  // Nobody knows the cgroup of a task that cannot be read.
  const direct = ['containment: environment'];
  const worker = await startTestWorker({ oz: 'echo ready > ready; exec sleep 600', direct });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  await die(worker);
  for (const pid of await processesOf([taskId])) process.kill(pid, 'SIGKILL');
  const state = join(worker.folder, 'state/test-worker');
  const [instance = ''] = await readdir(state);
  const tasks = join(state, instance, 'tasks');
  await writeFile(join(tasks, taskId, 'entry.json'), '{"version": 1, "assi');
  await worker.relaunch({ oz: 'exit 0' });
  expect(worker.server.hellos.at(-1)?.executions).toEqual([]);
  expect(worker.process.output()).toContain('cannot be read');
  expect(await readdir(tasks)).toEqual([]);
  await worker.server.waitFor('task_completed', worker.assign().taskId);
  await rmAll(join(state, instance, 'set-aside'), join(worker.root, taskId));
});

test.each([
  ['exit 0', 0],
  ['exit 5', 1],
])('a daemon for one task, %s, ends with %i when that is acknowledged', async (oz, code) => {
  const worker = await startTestWorker({ oz, args: ['--once'] });
  expect(worker.server.capacities[0]).toEqual({ max_concurrent_tasks: 1, draining: false });
  worker.assign();
  expect(await worker.process.exited).toEqual({ code, signal: null });
  expect(worker.server.capacities.at(-1)?.draining).toBe(true);
});

test('a task that takes longer than it may is ended by that name, also when its daemon has changed', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; exec sleep 600', args: ['--task-timeout', '3s'] });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  await die(worker);
  await worker.relaunch({ args: [] });
  expect((await worker.server.waitFor('task_failed', taskId)).data.failure_reason).toBe('task_timeout');
});

test('an idle task leaves when it is asked to, and one that works does not', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; exec sleep 600' });
  const [idle, busy] = [worker.assign(), worker.assign()].map(({ taskId, executionId }) => ({
    task_id: taskId,
    execution_id: executionId,
  }));
  for (const ids of [idle, busy]) await fileWith(join(worker.root, ids?.task_id ?? '', 'ready'), 'ready');
  worker.server.send({ type: 'task_idle', data: idle });
  for (const data of [busy, idle]) worker.server.send({ type: 'leave_idle', data });
  const completed = await worker.server.waitFor('task_completed');
  expect(completed.data).toMatchObject({ ...idle, task_state: 'RELEASED' });
  expect(await processesOf([busy?.task_id ?? ''])).not.toEqual([]);
});

test('a task ends by the own clock of its daemon when the server is silent for longer than its fence', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; exec sleep 600', teardown: 'touch ../torn' });
  const { taskId } = worker.assign({ fenceAfterSeconds: 3 });
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.server.holdOff();
  worker.server.cut();
  await fileWith(join(worker.root, 'torn'), '');
  // Said once the server is there again.
  worker.server.admit();
  expect((await worker.server.waitFor('task_failed', taskId)).data.failure_reason).toBe('evicted');
}, 30_000);

test('a workspace that another daemon has put in the place of a task is left alone', async () => {
  const worker = await startTestWorker({ oz: step('oz') });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, 'oz-ran'), 'oz');
  await rename(join(worker.root, taskId), join(worker.root, 'aside'));
  await mkdir(join(worker.root, taskId));
  await writeFile(join(worker.root, 'oz-go'), '');
  await worker.server.waitFor('task_completed', taskId);
  expect(await readdir(worker.root)).toContain(taskId);
});

test.skipIf(process.getuid?.() !== 0)(
  'on a full disk a running task is carried to its true end, and a new one is rejected until there is room (needs root, for a small tmpfs)',
  async () => {
    const worker = await startTestWorker({
      oz: `${step('oz')}; exit 7`,
      teardown: 'touch ../torn',
      prepare: mountSmallDisk,
    });
    const { taskId } = worker.assign();
    await fileWith(join(worker.root, 'oz-ran'), 'oz');
    await writeFile(join(worker.folder, 'state/filler'), Buffer.alloc(16 * 1024 * 1024)).catch(() => undefined);
    const late = worker.assign();
    expect((await worker.server.waitFor('task_rejected', late.taskId)).data.reason).toContain('disk');
    await writeFile(join(worker.root, 'oz-go'), '');
    expect((await worker.server.waitFor('task_failed', taskId)).data.exit_code).toBe(7);
    expect((await readdir(worker.root)).sort()).toEqual(['oz-go', 'oz-ran', 'torn']);
    const problem = 'the disk of its state folder is full';
    await expect.poll(() => worker.server.capacities.at(-1)).toMatchObject({ problem });
    await rm(join(worker.folder, 'state/filler'));
    await expect.poll(() => worker.server.capacities.at(-1), { timeout: 5_000 }).not.toHaveProperty('problem');
  },
);

async function mountSmallDisk(folder: string): Promise<void> {
  const state = join(folder, 'state');
  await mkdir(state);
  await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', state]);
  onTestFinished(async () => void (await promisify(execFile)('umount', [state])));
}

async function die({ process: daemon }: TestWorker): Promise<void> {
  daemon.kill('SIGKILL');
  await daemon.exited;
}

async function rmAll(...folders: string[]): Promise<void> {
  for (const folder of folders) await rm(folder, { recursive: true });
}
