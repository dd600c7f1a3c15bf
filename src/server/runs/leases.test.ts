import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import type { FakeWorker } from '../../../test/helpers/fake-worker.ts';
import type { ExecutionIds } from '../../protocol/worker-link.ts';

const second = 1_000;
const instance_id = randomUUID();

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

async function running(body: Parameters<RunCore['create']>[0] = {}) {
  const worker = await core.worker({ hello: { instance_id } });
  const runId = await core.create(body);
  const assignment = await worker.assigned();
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  const agent = await core.agent(assignment);
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  const ids = { task_id: runId, execution_id: assignment.execution_id } as ExecutionIds;
  return { worker, runId, assignment, agent, ids };
}

async function lease() {
  const one = core.database.db.selectFrom('executions').select(['lease_until', 'lost_at', 'unreachable_since']);
  const { lease_until, lost_at, unreachable_since } = await one.orderBy('fence', 'desc').executeTakeFirstOrThrow();
  const left = (time: Date | null) => time && (time.getTime() - core.clock.now()) / second;
  return { lease: left(lease_until), lost: left(lost_at), unreachable_since };
}

async function passWithHeartbeats(worker: FakeWorker, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 15) {
    worker.send('heartbeat', {});
    await worker.ping();
    core.clock.advance(15 * second);
  }
}

test('whatever a worker sends renews the lease of what it has', async () => {
  const { worker } = await running();
  await passWithHeartbeats(worker, 120);
  await expect.poll(async () => (await lease()).lease).toBeGreaterThanOrEqual(15);
  expect((await lease()).lost).toBeGreaterThan(560);
});

/** From now on, writes to executions are counted, by statement. */
async function countWrites(): Promise<() => Promise<number>> {
  await core.database.pool.query(`
    create table writes (at timestamptz default now());
    create function note() returns trigger language plpgsql as 'begin insert into writes default values; return null; end';
    create trigger note after insert or update on executions for each statement execute function note()`);
  return async () => (await core.database.pool.query('select from writes')).rowCount ?? 0;
}

test('a period’s renewals are one write, and workers without tasks need none', async () => {
  const { worker } = await running();
  const other = await core.worker({ workerId: 'other', hello: {} });
  const runId = await core.create({ config: { worker_host: 'other' } });
  await other.assigned();
  other.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  const period = async () => {
    core.clock.advance(5 * second);
    for (const one of [worker, other]) one.send('heartbeat', {});
    await Promise.all([worker.ping(), other.ping()]);
    core.clock.advance(10 * second);
    await expect.poll(async () => (await lease()).lease).toBeGreaterThanOrEqual(35);
  };
  await period();
  const writes = await countWrites();
  await period();
  expect(await writes()).toBe(1);
});

test('the end of a connection is written nowhere, and its last word counts', async () => {
  const { worker } = await running();
  const before = await lease();
  core.clock.advance(10 * second);
  worker.send('heartbeat', {});
  await worker.ping();
  await worker.close();
  await expect.poll(() => core.gateway.connections()).toEqual([]);
  expect((await lease()).unreachable_since).toBeNull();
  core.clock.advance(20 * second);
  await expect.poll(async () => (await lease()).lease).toBe((before.lease ?? 0) - 20);
});

test('a silent worker is lost, counted from its last word, and what it says later changes nothing', async () => {
  const { worker, runId, ids, agent } = await running();
  await worker.close();
  core.clock.advance(599 * second);
  expect(await core.state(runId)).toBe('INPROGRESS');
  core.clock.advance(2 * second);
  await core.untilState(runId, 'ERROR');
  expect(await core.run(runId)).toMatchObject({ error_code: 'resource_unavailable' });
  const back = await core.worker({ hello: { instance_id, executions: [ids] } });
  expect((await back.next('welcome')).executions).toMatchObject([{ verdict: 'end' }]);
  await expect(core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' })).rejects.toThrow('over');
  back.complete(runId);
  await back.acknowledged();
  expect(await core.state(runId)).toBe('ERROR');
  expect(await core.executions(runId)).toMatchObject([{ state: 'lost' }]);
});

test('time in which no server listened, or in which it was stopped, is not silence', async () => {
  const { worker, runId, ids } = await running();
  await worker.close();
  core.clock.advance(590 * second);
  await core.restart();
  core.clock.advance(590 * second);
  core.clock.jump(3_600 * second);
  core.clock.advance(590 * second);
  const back = await core.worker({ hello: { instance_id, executions: [ids] } });
  expect((await back.next('welcome')).executions).toMatchObject([{ verdict: 'continue' }]);
  expect(await core.state(runId)).toBe('INPROGRESS');
});

test('a run whose agent never began is queued again when its worker is lost, a few times', async () => {
  const runId = await core.create();
  for (let lost = 0; lost <= 3; lost++) {
    const worker = await core.worker({ hello: {} });
    await worker.assigned();
    worker.claim(runId);
    await core.untilState(runId, 'CLAIMED');
    await worker.close();
    core.clock.advance(601 * second);
    await core.untilState(runId, lost < 3 ? 'QUEUED' : 'ERROR');
  }
  expect(await core.executions(runId)).toHaveLength(4);
});

test('with attempts left, a worker is lost sooner and is told when to end the task by itself; the run waits again', async () => {
  const { worker, runId, assignment, ids } = await running({ config: { max_attempts: 2 } });
  expect(assignment.fence_after_seconds).toBe(90);
  await worker.close();
  core.clock.advance(121 * second);
  await core.untilState(runId, 'QUEUED');
  expect((await core.run(runId)).status_message).toContain('Attempt 1 of 2 has failed');
  const other = await core.worker({ hello: {} });
  const next = await other.assigned();
  expect(next.fence_after_seconds).toBeUndefined();
  other.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  await core.runs.service.reportTurn(await core.agent(next), 1, { state: 'INPROGRESS' });
  const back = await core.worker({ hello: { instance_id, executions: [ids] } });
  expect((await back.next('welcome')).executions).toMatchObject([{ verdict: 'end' }]);
  back.fail(runId, { failure_reason: 'evicted' });
  await back.acknowledged();
  expect(await core.state(runId)).toBe('INPROGRESS');
  await core.runs.service.reportTurn(await core.agent(next), 1, { state: 'SUCCEEDED' });
  expect(await core.state(runId)).toBe('SUCCEEDED');
});

test('a shutdown of the worker costs an attempt, and with none left it is the outcome', async () => {
  const { worker, runId } = await running({ config: { max_attempts: 2 } });
  worker.fail(runId, { failure_reason: 'graceful_shutdown' });
  const again = await worker.assigned();
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  await core.runs.service.reportTurn(await core.agent(again), 1, { state: 'INPROGRESS' });
  worker.fail(runId, { failure_reason: 'graceful_shutdown' });
  await worker.acknowledged();
  expect(await core.state(runId)).toBe('ERROR');
});

test('what a daemon is to end is not given to it anew before it has', async () => {
  const { worker, runId, ids } = await running({ config: { max_attempts: 2 } });
  await worker.close();
  core.clock.advance(121 * second);
  await core.untilState(runId, 'QUEUED');
  const back = await core.worker({ hello: { instance_id, executions: [ids] } });
  const other = await core.create();
  expect((await back.assigned()).task_id).toBe(other);
  expect(back.offers()).toEqual([other]);
  back.say('task_failed', runId, { message: 'Ended.', failure_reason: 'task_cancelled' }, ids.execution_id);
  expect((await back.assigned()).task_id).toBe(runId);
});

test('a run that is to be cancelled is not tried again', async () => {
  const { worker, runId } = await running({ config: { max_attempts: 2 } });
  await core.runs.service.cancel(core.key, runId);
  worker.fail(runId, { failure_reason: 'graceful_shutdown' });
  await worker.acknowledged();
  expect(await core.state(runId)).toBe('CANCELLED');
});

test('a worker that is given up soon is asked to be heard of often enough for that', async () => {
  await core.close();
  core = await createRunCore({ lostAfter: 20 * second });
  const { worker } = await running();
  expect((await worker.next('welcome')).lease_seconds).toBe(10);
  expect(await lease()).toMatchObject({ lease: 10, lost: 20 });
});
