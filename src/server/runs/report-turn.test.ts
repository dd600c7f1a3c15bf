import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, type RunCore, runningRun } from '../../../test/helpers/run-core.ts';
import type { Entry } from '../../protocol/transcript.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

function entries(from: number, to: number, text = 'hello'): Entry[] {
  const at = '2026-01-01T00:00:00Z';
  return Array.from({ length: to - from }, (_, place) => ({
    index: from + place,
    turn: 1,
    at,
    type: 'agent_message',
    text,
  }));
}

const refused = { code: 'conflict' };

test('an attempt counts from the agent’s first accepted call, once', async () => {
  const { runId, agent } = await runningRun(core);
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  const run = await core.database.db.selectFrom('runs').selectAll().where('id', '=', runId).executeTakeFirstOrThrow();
  expect(run).toMatchObject({ state: 'INPROGRESS', attempts: 1, started_at: expect.any(Date) });
});

test('words that the database cannot take as they are cost no run its outcome', async () => {
  const { runId, agent } = await runningRun(core);
  const message = 'Done\0 with \ud800.'.padEnd(10_001, '!');
  const outcome = { state: 'SUCCEEDED', status_message: { message } } as const;
  const first = await core.runs.service.reportTurn(agent, 1, outcome);
  expect(await core.runs.service.reportTurn(agent, 1, outcome)).toEqual(first);
  expect(await core.run(runId)).toMatchObject({
    state: 'SUCCEEDED',
    status_message: 'Done\ufffd with \ufffd.'.padEnd(10_000, '!'),
  });
});

test('an agent that speaks before its worker’s claim arrives has begun; the claim changes nothing', async () => {
  const worker = await core.worker();
  const runId = await core.create();
  const agent = await core.agent(await worker.assigned());
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  worker.claim(runId);
  worker.fail(runId, { failure_reason: 'agent_invocation', exit_code: 1 });
  await core.untilState(runId, 'FAILED');
  expect(await core.executions(runId)).toMatchObject([{ state: 'ended', fence: 1 }]);
});

test('an outcome is taken once: the same again is answered alike, another is a conflict', async () => {
  const { runId, agent } = await runningRun(core);
  const outcome = {
    state: 'FAILED',
    status_message: { message: 'The script exited with code 3.', error_code: 'agent_failed' },
  } as const;
  const first = await core.runs.service.reportTurn(agent, 1, outcome);
  expect(await core.runs.service.reportTurn(agent, 1, outcome)).toEqual(first);
  await expect(core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' })).rejects.toMatchObject(refused);
  await expect(core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' })).rejects.toMatchObject(refused);
  expect(await core.run(runId)).toMatchObject({ state: 'FAILED', error_code: 'agent_failed' });
});

test('of two outcomes at the same time one is taken', async () => {
  const { agent } = await runningRun(core);
  const both = await Promise.allSettled([
    core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' }),
    core.runs.service.reportTurn(agent, 1, { state: 'FAILED' }),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('a bad outcome without a word gets a code and a sentence', async () => {
  const { runId, agent } = await runningRun(core);
  await core.runs.service.reportTurn(agent, 1, { state: 'ERROR' });
  expect(await core.run(runId)).toMatchObject({
    error_code: 'internal_error',
    status_message: expect.stringMatching(/\.$/),
  });
});

test('the worker’s word about a run whose agent has spoken ends the execution alone', async () => {
  const { worker, runId, agent } = await runningRun(core);
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' });
  worker.fail(runId, { failure_reason: 'agent_invocation', exit_code: 1 });
  await core.untilExecution(runId, 'ended');
  expect(await core.state(runId)).toBe('SUCCEEDED');
});

test('a turn that was not asked for, or has not begun, is a conflict', async () => {
  const { agent } = await runningRun(core);
  await expect(core.runs.service.reportTurn(agent, 2, { state: 'INPROGRESS' })).rejects.toMatchObject(refused);
  const worker = await core.worker({ workerId: 'other' });
  await core.create({ config: { worker_host: 'other' } });
  const early = await core.agent(await worker.assigned());
  await expect(core.runs.service.reportTurn(early, 1, { state: 'SUCCEEDED' })).rejects.toMatchObject(refused);
});

test('a blocked run goes on or ends', async () => {
  const { runId, agent } = await runningRun(core);
  await core.runs.service.reportTurn(agent, 1, { state: 'BLOCKED', status_message: { message: 'Which branch?' } });
  expect(await core.run(runId)).toMatchObject({ state: 'BLOCKED', status_message: 'Which branch?' });
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  expect(await core.run(runId)).toMatchObject({ state: 'INPROGRESS', status_message: null });
});

test('the agent of a withdrawn offer is refused when a newer execution has taken its place', async () => {
  const first = await core.worker();
  const runId = await core.create();
  const old = await core.agent(await first.assigned());
  const second = await core.worker();
  first.reject(runId);
  await second.assigned();
  await expect(core.runs.service.reportTurn(old, 1, { state: 'INPROGRESS' })).rejects.toMatchObject(refused);
  await expect(core.runs.service.appendEntries(old, entries(0, 1))).rejects.toMatchObject(refused);
});

test('entries are taken where they continue the transcript, and once', async () => {
  const { runId, agent } = await runningRun(core);
  const append = (list: Entry[]) => core.runs.service.appendEntries(agent, list);
  expect(await append(entries(0, 3))).toEqual({ next_index: 3 });
  expect(await append(entries(1, 5))).toEqual({ next_index: 5 });
  expect(await append(entries(0, 2, 'changed'))).toEqual({ next_index: 5 });
  expect(await append(entries(7, 9))).toEqual({ next_index: 5 });
  const stored = await core.database.db
    .selectFrom('transcript_entries')
    .select(['index', 'entry'])
    .orderBy('index')
    .execute();
  expect(stored.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
  expect(stored[0]?.entry).toMatchObject({ text: 'hello' });
  expect(await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' })).toMatchObject({ next_entry: 5 });
  expect(runId).toBe(agent.runId);
});

test('entries with a gap of their own are refused', async () => {
  const { agent } = await runningRun(core);
  const gap = [...entries(0, 1), ...entries(2, 3)];
  await expect(core.runs.service.appendEntries(agent, gap)).rejects.toMatchObject({ code: 'invalid_request' });
});

test('the same entries delivered at the same time are stored once', async () => {
  const { agent } = await runningRun(core);
  await Promise.all(Array.from({ length: 5 }, () => core.runs.service.appendEntries(agent, entries(0, 50))));
  const { rows } = await core.database.pool.query<{ count: string }>('select count(*) from transcript_entries');
  expect(rows[0]?.count).toBe('50');
});

test('what Postgres cannot store is replaced, not refused', async () => {
  const { agent } = await runningRun(core);
  await core.runs.service.appendEntries(agent, entries(0, 1, 'a\0b\ud800'));
  const { entry } = await core.database.db.selectFrom('transcript_entries').select('entry').executeTakeFirstOrThrow();
  expect(entry).toMatchObject({ text: 'a\ufffdb\ufffd' });
});

test('an execution that has ended may deliver entries that it could not send before', async () => {
  const { worker, runId, agent } = await runningRun(core);
  worker.fail(runId, { failure_reason: 'agent_invocation', exit_code: 1 });
  await core.untilState(runId, 'FAILED');
  expect(await core.runs.service.appendEntries(agent, entries(0, 2))).toEqual({ next_index: 2 });
});
