import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, testSettings, type RunCore } from '../../../test/helpers/run-core.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

async function offered() {
  const worker = await core.worker();
  const runId = await core.create();
  const assignment = await worker.assigned();
  return { worker, runId, assignment };
}

async function claimed() {
  const started = await offered();
  started.worker.claim(started.runId);
  await core.untilState(started.runId, 'CLAIMED');
  return started;
}

async function running() {
  const started = await claimed();
  const agent = await core.agent(started.assignment);
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  return { ...started, agent };
}

test('a queued run is cancelled at once', async () => {
  const runId = await core.create();
  await core.runs.service.cancel(core.key, runId);
  expect(await core.state(runId)).toBe('CANCELLED');
});

test('an offered run is cancelled when its worker rejects it', async () => {
  const { worker, runId } = await offered();
  await core.runs.service.cancel(core.key, runId);
  expect(await worker.next('task_cancellation')).toEqual({ task_id: runId });
  worker.reject(runId);
  await core.untilState(runId, 'CANCELLED');
});

test('an offered run is cancelled when its offer stays unanswered', async () => {
  const { runId } = await offered();
  await core.runs.service.cancel(core.key, runId);
  core.clock.advance(testSettings.offerTimeout);
  await core.untilState(runId, 'CANCELLED');
  expect(await core.executions(runId)).toMatchObject([{ state: 'withdrawn' }]);
});

test('a worker that claims after the cancel is told again', async () => {
  const { worker, runId } = await offered();
  await core.runs.service.cancel(core.key, runId);
  await worker.next('task_cancellation');
  worker.claim(runId);
  await worker.next('task_cancellation');
  worker.fail(runId, { failure_reason: 'task_cancelled' });
  await core.untilState(runId, 'CANCELLED');
  expect(await core.executions(runId)).toMatchObject([{ state: 'ended' }]);
});

test('a claimed run is cancelled by the word of its worker', async () => {
  const { worker, runId } = await claimed();
  await core.runs.service.cancel(core.key, runId);
  await worker.next('task_cancellation');
  expect(await core.state(runId)).toBe('CLAIMED');
  worker.complete(runId, 'CANCELLED');
  await core.untilState(runId, 'CANCELLED');
});

test('a running run whose worker never answers is cancelled by the deadline', async () => {
  const { runId, agent } = await running();
  await core.runs.service.cancel(core.key, runId);
  core.clock.advance(testSettings.cancelTimeout);
  await core.untilState(runId, 'CANCELLED');
  expect(await core.executions(runId)).toMatchObject([{ state: 'lost', end_reason: 'end_unanswered' }]);
  const { status_message } = await core.database.db
    .selectFrom('runs')
    .select('status_message')
    .where('id', '=', runId)
    .executeTakeFirstOrThrow();
  expect(status_message).toContain('Worker `local` did not answer');
  await expect(core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' })).rejects.toMatchObject({
    code: 'conflict',
  });
});

test('a cancel that races a clean exit leaves the agent its word', async () => {
  const { worker, runId, agent } = await running();
  await core.runs.service.cancel(core.key, runId);
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' });
  worker.complete(runId);
  await core.untilExecution(runId, 'ended');
  expect(await core.state(runId)).toBe('SUCCEEDED');
});

test('a second cancel is accepted and changes nothing', async () => {
  const { worker, runId } = await claimed();
  await Promise.all([core.runs.service.cancel(core.key, runId), core.runs.service.cancel(core.key, runId)]);
  await worker.next('task_cancellation');
  worker.complete(runId, 'CANCELLED');
  await core.untilState(runId, 'CANCELLED');
  const events = await core.database.db.selectFrom('events').select('type').where('run_id', '=', runId).execute();
  expect(events.filter(({ type }) => type === 'run_cancel_requested')).toHaveLength(1);
});

test('a terminal run is not cancelled, nor one of another team', async () => {
  const runId = await core.create();
  await expect(core.runs.service.cancel(core.foreign, runId)).rejects.toMatchObject({ code: 'resource_not_found' });
  await core.runs.service.cancel(core.key, runId);
  await expect(core.runs.service.cancel(core.key, runId)).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a cancel that finds no connection is delivered on the next one', async () => {
  const { worker, runId } = await claimed();
  await worker.close();
  await core.runs.service.cancel(core.key, runId);
  const back = await core.worker();
  expect(await back.next('task_cancellation')).toEqual({ task_id: runId });
  back.complete(runId, 'CANCELLED');
  await core.untilState(runId, 'CANCELLED');
  expect(await core.database.db.selectFrom('outbox').selectAll().execute()).toEqual([]);
});

test('an undelivered cancel survives a restart of the server', async () => {
  const { worker, runId } = await claimed();
  await worker.close();
  await core.runs.service.cancel(core.key, runId);
  await core.restart();
  const back = await core.worker();
  expect(await back.next('task_cancellation')).toEqual({ task_id: runId });
});
