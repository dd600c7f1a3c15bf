import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import type { ExecutionIds } from '../../protocol/worker-link.ts';

const instance_id = randomUUID();
const hello = { instance_id, max_concurrent_tasks: 1 };

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

async function idle() {
  const worker = await core.worker({ hello });
  const runId = await core.create();
  const assignment = await worker.assigned();
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  const agent = await core.agent(assignment);
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED', idle: true });
  const ids = { task_id: runId, execution_id: assignment.execution_id } as ExecutionIds;
  return { worker, runId, ids, agent };
}

test('a task whose agent waits after its turn is idle, and its worker is told', async () => {
  const { worker, runId, ids, agent } = await idle();
  expect(await worker.next('task_idle')).toEqual(ids);
  expect(await core.state(runId)).toBe('SUCCEEDED');
  expect(await core.executions(runId)).toMatchObject([{ state: 'idle' }]);
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED', idle: true });
  worker.phase(runId, 'ending');
  worker.complete(runId);
  await worker.acknowledged();
  expect(await core.executions(runId)).toMatchObject([{ state: 'ended', end_reason: 'completed' }]);
});

test('an idle task leaves when a run waits for its slot, and not before', async () => {
  const { worker, runId, ids } = await idle();
  await worker.next('task_idle');
  core.clock.advance(10_000);
  await worker.ping();
  expect(worker.received.map(({ type }) => type)).not.toContain('leave_idle');
  const waiting = await core.create();
  expect(await worker.next('leave_idle')).toEqual(ids);
  core.clock.advance(10_000);
  worker.phase(runId, 'ending');
  worker.complete(runId, 'RELEASED');
  expect((await worker.assigned()).task_id).toBe(waiting);
  expect(await core.executions(runId)).toMatchObject([{ state: 'ended', end_reason: 'released' }]);
  expect(await core.state(runId)).toBe('SUCCEEDED');
  expect(worker.received.filter(({ type }) => type === 'leave_idle')).toHaveLength(1);
});

test('a run that waited already has the task leave as soon as it is idle', async () => {
  const worker = await core.worker({ hello });
  const first = await core.create();
  const agent = await core.agent(await worker.assigned());
  worker.claim(first);
  await core.untilState(first, 'CLAIMED');
  await core.create();
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED', idle: true });
  expect(await worker.next('leave_idle')).toMatchObject({ task_id: first });
});

test('an idle task keeps its slot while its worker could take nothing in its place', async () => {
  const { worker, ids } = await idle();
  await worker.next('task_idle');
  worker.send('capacity', { max_concurrent_tasks: 1, draining: false, problem: 'its disk is full' });
  await worker.ping();
  await core.create();
  await worker.ping();
  expect(worker.received.map(({ type }) => type)).not.toContain('leave_idle');
  worker.send('capacity', { max_concurrent_tasks: 1, draining: false });
  expect(await worker.next('leave_idle')).toEqual(ids);
});

test('an idle task keeps its slot while nothing waits but what its worker never takes', async () => {
  const worker = await core.worker({ hello: { ...hello, max_concurrent_tasks: 2 } });
  const first = await core.create();
  const agent = await core.agent(await worker.assigned());
  worker.claim(first);
  await core.untilState(first, 'CLAIMED');
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED', idle: true });
  await worker.next('task_idle');
  const refused = await core.create();
  await worker.assigned();
  worker.reject(refused, 'not_accepted');
  for (let count = 0; count < 5; count++) {
    const other = await core.create();
    expect((await worker.assigned()).task_id).toBe(other);
    worker.claim(other);
    worker.complete(other);
    await worker.acknowledged();
  }
  expect(worker.received.map(({ type }) => type)).not.toContain('leave_idle');
});

test('a task that is idle when its worker comes back is so again', async () => {
  const { worker, ids } = await idle();
  worker.socket.terminate();
  const back = await core.worker({ hello: { ...hello, executions: [ids] } });
  expect(await back.next('task_idle')).toEqual(ids);
  await core.create();
  expect(await back.next('leave_idle')).toEqual(ids);
});

test('an outcome that the agent could not send is taken after its end', async () => {
  const worker = await core.worker({ hello });
  const runId = await core.create();
  const agent = await core.agent(await worker.assigned());
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  worker.phase(runId, 'preparing');
  await worker.acknowledged();
  expect(await core.executions(runId)).toMatchObject([{ state: 'preparing' }]);
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  worker.phase(runId, 'ending');
  await worker.acknowledged();
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED', idle: true });
  worker.complete(runId, undefined, { teardown_problem: 'The teardown command exited with code 3.' });
  await worker.acknowledged();
  expect(await core.state(runId)).toBe('SUCCEEDED');
  const events = await core.database.db.selectFrom('events').select('data').where('run_id', '=', runId).execute();
  expect(events.at(-1)?.data).toMatchObject({ warning: 'The teardown command exited with code 3.' });
});
