import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import { failureReasons } from '../../protocol/worker-link.ts';
import { outcomeByWorker } from './outcome-by-worker.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

async function claimed(workerId = 'local') {
  const worker = await core.worker({ workerId });
  const runId = await core.create();
  const assignment = await worker.assigned();
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  return { worker, runId, assignment };
}

test('every reason that a stock daemon gives ends a run as the table says', async () => {
  for (const failure_reason of failureReasons) {
    const worker = await core.worker();
    const runId = await core.create();
    const agent = await core.agent(await worker.assigned());
    worker.claim(runId);
    await core.untilState(runId, 'CLAIMED');
    await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
    worker.fail(runId, { failure_reason, exit_code: 3 });
    const data = { task_id: runId, message: 'The task failed.', failure_reason, exit_code: 3 };
    const { state, status } = outcomeByWorker({ type: 'task_failed', data }, { end_intent: null });
    await core.untilState(runId, state);
    expect(await core.run(runId)).toMatchObject({ status_message: status?.message, error_code: status?.error_code });
    await worker.close();
  }
});

test('a daemon that exited with 0 without a word of its agent ends the run ERROR', async () => {
  const { worker, runId } = await claimed();
  worker.complete(runId);
  await core.untilState(runId, 'ERROR');
  expect(await core.run(runId)).toMatchObject({ error_code: 'internal_error' });
});

test('what a daemon could not say before arrives on its next connection', async () => {
  const { worker, runId } = await claimed();
  await worker.close();
  const back = await core.worker();
  back.fail(runId, { failure_reason: 'setup_command', exit_code: 2 });
  await core.untilState(runId, 'FAILED');
  expect(await core.run(runId)).toMatchObject({ error_code: 'environment_setup_failed' });
});

test('it arrives also while the server still takes the old connection for open', async () => {
  const { runId } = await claimed();
  const back = await core.worker();
  back.fail(runId, { failure_reason: 'setup_command', exit_code: 2 });
  await core.untilState(runId, 'FAILED');
  expect(await core.executions(runId)).toMatchObject([{ state: 'ended' }]);
});

async function unreachableSince(): Promise<Date | null | undefined> {
  const one = await core.database.db.selectFrom('executions').select('unreachable_since').executeTakeFirst();
  return one?.unreachable_since;
}

async function untilConnections(count: number): Promise<void> {
  await expect.poll(() => core.gateway.connections()[0]?.connection_count).toBe(count);
}

test('a daemon that was back before its old connection was known to be dead goes on with its tasks', async () => {
  const { worker, runId } = await claimed();
  core.clock.advance(1_000);
  const back = await core.worker();
  worker.socket.terminate();
  await untilConnections(1);
  expect(await unreachableSince()).toBeNull();
  await core.runs.service.cancel(core.key, runId);
  expect(await back.next('task_cancellation')).toEqual({ task_id: runId });
});

test('another daemon of its name does not stand in for one that is gone', async () => {
  const { worker } = await claimed();
  core.clock.advance(1_000);
  await core.worker();
  core.clock.advance(1_000);
  await worker.ping();
  worker.socket.terminate();
  await untilConnections(1);
  expect(await unreachableSince()).not.toBeNull();
});

test('a cancel also reaches the daemon where it is back while the old connection counts as open', async () => {
  const { runId } = await claimed();
  core.clock.advance(1_000);
  const back = await core.worker();
  await core.runs.service.cancel(core.key, runId);
  expect(await back.next('task_cancellation')).toEqual({ task_id: runId });
});

test('what it says there of a run that it was offered twice is believed', async () => {
  const worker = await core.worker();
  const runId = await core.create();
  await worker.assigned();
  worker.reject(runId);
  await core.untilState(runId, 'QUEUED');
  core.clock.advance(30_000);
  await worker.assigned();
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  core.clock.advance(1_000);
  const back = await core.worker();
  back.fail(runId, { failure_reason: 'setup_command' });
  await core.untilState(runId, 'FAILED');
  expect(await core.executions(runId)).toMatchObject([{ state: 'withdrawn' }, { state: 'ended' }]);
});

test('a daemon that comes back with a claim of what was offered before is not offered it a second time', async () => {
  const worker = await core.worker();
  const runId = await core.create();
  await worker.assigned();
  await worker.close();
  await expect.poll(() => core.gateway.connections()).toEqual([]);
  core.clock.advance(10_000);
  await core.untilState(runId, 'QUEUED');
  const back = await core.worker();
  back.claim(runId);
  expect(await back.next('task_cancellation')).toEqual({ task_id: runId });
  expect(back.offers()).toEqual([]);
  back.fail(runId, { failure_reason: 'task_cancelled' });
  expect((await back.assigned()).task_id).toBe(runId);
});

test('a daemon that comes back without such a claim is offered the run again soon', async () => {
  const worker = await core.worker();
  const runId = await core.create();
  await worker.assigned();
  await worker.close();
  await expect.poll(() => core.gateway.connections()).toEqual([]);
  core.clock.advance(10_000);
  await core.untilState(runId, 'QUEUED');
  const back = await core.worker();
  core.clock.advance(5_000);
  expect((await back.assigned()).task_id).toBe(runId);
});

test('an offer that a stopped server could not hear the claim of is claimed after its restart', async () => {
  const worker = await core.worker();
  const runId = await core.create();
  await worker.assigned();
  core.clock.advance(9_000);
  await core.restart();
  core.clock.advance(9_000);
  const back = await core.worker();
  back.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  expect(await core.executions(runId)).toHaveLength(1);
});

test('an offer that was lost with the server is made again, to the same daemon if there is no other', async () => {
  await core.worker();
  const runId = await core.create();
  await core.untilState(runId, 'PENDING');
  await core.restart();
  const back = await core.worker();
  core.clock.advance(10_000);
  await core.untilState(runId, 'QUEUED');
  core.clock.advance(5_000);
  expect((await back.assigned()).task_id).toBe(runId);
});

test('after a restart of the server two daemons of one name each speak of their own tasks', async () => {
  const one = await claimed();
  const other = await core.worker();
  const second = await core.create();
  await other.assigned();
  other.claim(second);
  await core.untilState(second, 'CLAIMED');
  await core.restart();
  const oneBack = await core.worker();
  const otherBack = await core.worker();
  otherBack.fail(second, { failure_reason: 'setup_command' });
  oneBack.fail(one.runId, { failure_reason: 'setup_command' });
  await core.untilState(second, 'FAILED');
  await core.untilState(one.runId, 'FAILED');
  expect(one.worker.received).toHaveLength(1);
});

test('a worker’s words about a task of another worker change nothing', async () => {
  const { runId } = await claimed();
  const stranger = await core.worker({ workerId: 'stranger' });
  stranger.complete(runId);
  stranger.reject(runId);
  stranger.claim(runId);
  const own = await core.create({ config: { worker_host: 'stranger' } });
  await stranger.assigned();
  stranger.claim(own);
  await core.untilState(own, 'CLAIMED');
  expect(await core.state(runId)).toBe('CLAIMED');
});

test('an execution that is named must be the worker’s own', async () => {
  const { runId, assignment } = await claimed();
  const stranger = await core.worker({ workerId: 'stranger', hello: {} });
  stranger.send('task_completed', { task_id: runId, execution_id: assignment.execution_id, message: 'done' });
  const own = await core.create({ config: { worker_host: 'stranger' } });
  const { execution_id } = await stranger.assigned();
  stranger.send('task_claimed', { task_id: own, execution_id, worker_id: 'stranger' });
  await core.untilState(own, 'CLAIMED');
  expect(await core.state(runId)).toBe('CLAIMED');
});
