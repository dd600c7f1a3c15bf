import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, type RunCore, runningRun } from '../../../test/helpers/run-core.ts';

// Short enough that no connection is taken for dead meanwhile: time passes here without a worker's pings.
const testSettings = { runTimeLimit: 40_000, cancelTimeout: 20_000, lostAfter: 15_000, queueExpiry: 3_600_000 };

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore(testSettings);
});
afterEach(() => core.close());

async function untilUnreachable(isIt: boolean): Promise<void> {
  const one = () => core.database.db.selectFrom('executions').select('unreachable_since').executeTakeFirst();
  await expect.poll(async () => (await one())?.unreachable_since !== null).toBe(isIt);
}

test('a run that no worker took in time ends and says why', async () => {
  const runId = await core.create({ config: { worker_host: 'gpu-1' } });
  core.clock.advance(testSettings.queueExpiry);
  await core.untilState(runId, 'ERROR');
  expect(await core.run(runId)).toMatchObject({
    error_code: 'resource_unavailable',
    status_message: expect.stringContaining('No worker `gpu-1` is connected.'),
  });
});

test('a run that takes too long is ended by its worker', async () => {
  const { worker, runId } = await runningRun(core);
  core.clock.advance(testSettings.runTimeLimit);
  expect(await worker.next('task_cancellation')).toEqual({ task_id: runId });
  worker.complete(runId, 'CANCELLED');
  await core.untilState(runId, 'FAILED');
  expect(await core.run(runId)).toMatchObject({ error_code: 'time_limit_exceeded' });
});

test('a run that takes too long on a worker that does not answer ends all the same', async () => {
  const { worker, runId } = await runningRun(core);
  core.clock.advance(testSettings.runTimeLimit);
  await worker.next('task_cancellation');
  core.clock.advance(testSettings.cancelTimeout);
  await core.untilState(runId, 'FAILED');
  expect(await core.executions(runId)).toMatchObject([{ state: 'lost' }]);
});

test('a worker that does not come back is lost, and its run may be started again', async () => {
  const { worker, runId } = await runningRun(core);
  await worker.close();
  await untilUnreachable(true);
  core.clock.advance(testSettings.lostAfter - 1_000);
  expect(await core.state(runId)).toBe('INPROGRESS');
  core.clock.advance(1_000);
  await core.untilState(runId, 'ERROR');
  expect(await core.run(runId)).toMatchObject({ error_code: 'resource_unavailable' });
  const back = await core.worker();
  expect(await back.next('task_cancellation')).toEqual({ task_id: runId });
});

test('a worker that comes back in time has lost nothing', async () => {
  const { worker, runId, agent } = await runningRun(core);
  await worker.close();
  await untilUnreachable(true);
  core.clock.advance(testSettings.lostAfter - 1_000);
  const back = await core.worker();
  await untilUnreachable(false);
  core.clock.advance(testSettings.lostAfter);
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' });
  back.complete(runId);
  await core.untilExecution(runId, 'ended');
  expect(await core.state(runId)).toBe('SUCCEEDED');
});

test('a run that cannot be moved on does not keep another from its end', async () => {
  const { runId: broken } = await runningRun(core);
  const { worker, runId } = await runningRun(core);
  const { db } = core.database;
  await db.updateTable('runs').set({ state: 'SUCCEEDED' }).where('id', '=', broken).execute();
  const overdue = { state: 'offered', end_intent: 'cancelled', answer_by: new Date(core.clock.now()) } as const;
  await db.updateTable('executions').set(overdue).where('run_id', '=', broken).execute();
  core.clock.advance(testSettings.runTimeLimit);
  expect(await worker.next('task_cancellation')).toEqual({ task_id: runId });
});

test('time in which no server listened is not the worker’s silence', async () => {
  const { worker, runId } = await runningRun(core);
  await worker.close();
  await untilUnreachable(true);
  core.clock.advance(testSettings.lostAfter - 1_000);
  await core.restart();
  core.clock.advance(testSettings.lostAfter - 1_000);
  const back = await core.worker();
  await untilUnreachable(false);
  back.fail(runId, { failure_reason: 'graceful_shutdown' });
  await core.untilState(runId, 'ERROR');
  expect(await core.run(runId)).toMatchObject({ status_message: expect.stringContaining('shut down') });
});
