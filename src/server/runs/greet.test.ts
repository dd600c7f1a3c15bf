import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import type { Assignment, ExecutionIds, Hello } from '../../protocol/worker-link.ts';

const instance_id = randomUUID();

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

function daemon(hello: Partial<Hello> = {}, more: Parameters<RunCore['worker']>[0] = {}) {
  return core.worker({ hello: { instance_id, ...hello }, ...more });
}

function idsOf({ task_id, execution_id }: Assignment) {
  return { task_id, execution_id } as ExecutionIds;
}

async function claimed() {
  const worker = await daemon();
  const runId = await core.create();
  const assignment = await worker.assigned();
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  return { worker, runId, ids: idsOf(assignment), agent: await core.agent(assignment) };
}

test('a welcome comes first, and says of all that is named whether it goes on, and from where', async () => {
  const { worker, runId, ids } = await claimed();
  const data = Buffer.from('setting up').toString('base64');
  worker.send('console', { ...ids, stream: 'setup', offset: 0, data });
  await worker.next('console_ack');
  const unknown = { task_id: randomUUID(), execution_id: randomUUID() } as typeof ids;
  const back = await daemon({ executions: [ids, unknown] });
  expect(back.received[0]).toEqual({
    type: 'welcome',
    data: {
      lease_seconds: 45,
      executions: [
        { ...ids, verdict: 'continue', console: { setup: 10 } },
        { ...unknown, verdict: 'end', console: {} },
      ],
    },
  });
  back.complete(runId);
  await back.acknowledged();
  expect(await core.executions(runId)).toMatchObject([{ state: 'ended' }]);
});

test('whoever says something else before hello, or nothing for long, is closed', async () => {
  const hasty = await core.openSocket();
  const closed = once(hasty.socket, 'close');
  hasty.send('heartbeat', {});
  expect((await closed)[0]).toBe(1008);
  const mute = await core.openSocket();
  const later = once(mute.socket, 'close');
  await expect.poll(() => core.gateway.connections()[0]?.connection_count).toBe(1);
  core.clock.advance(10_000);
  expect((await later)[0]).toBe(1008);
});

test('a second connection of the same daemon supersedes the first, with a new key too', async () => {
  const { worker, runId, ids } = await claimed();
  const closed = once(worker.socket, 'close');
  const back = await daemon({ executions: [ids] }, { apiKey: core.otherApiKey });
  await closed;
  await core.runs.service.cancel(core.key, runId);
  expect(await back.next('task_cancellation')).toEqual(ids);
  back.complete(runId, 'CANCELLED');
  await core.untilState(runId, 'CANCELLED');
});

test('an offer that it does not name is made anew, to the same daemon too', async () => {
  const worker = await daemon();
  const runId = await core.create();
  const first = await worker.assigned();
  worker.socket.terminate();
  const back = await daemon();
  const again = await back.assigned();
  expect(again.task_id).toBe(runId);
  expect(again.execution_id).not.toBe(first.execution_id);
  expect(await core.executions(runId)).toMatchObject([{ state: 'withdrawn' }, { state: 'offered' }]);
});

test('an offer that it names is claimed over the new connection', async () => {
  const worker = await daemon();
  const runId = await core.create();
  const ids = idsOf(await worker.assigned());
  worker.socket.terminate();
  const back = await daemon({ executions: [ids] });
  back.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  expect(await core.executions(runId)).toHaveLength(1);
});

test('a task whose agent has not begun and that it does not name is queued again; one that has begun is lost', async () => {
  const { worker, runId } = await claimed();
  worker.socket.terminate();
  const back = await daemon();
  const assignment = await back.assigned();
  expect(await core.executions(runId)).toMatchObject([{ state: 'lost', end_reason: 'task_lost' }, {}]);
  back.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  await core.runs.service.reportTurn(await core.agent(assignment), 1, { state: 'INPROGRESS' });
  await daemon();
  await core.untilState(runId, 'ERROR');
  expect(await core.run(runId)).toMatchObject({
    error_code: 'resource_unavailable',
    status_message: expect.stringContaining('came back without the task'),
  });
});

test('what another daemon of its name has is left alone', async () => {
  const { runId, ids } = await claimed();
  await core.worker({ hello: { instance_id: randomUUID() } });
  const stranger = await core.worker({ workerId: 'stranger', hello: { executions: [ids] } });
  expect((await stranger.next('welcome')).executions).toMatchObject([{ verdict: 'end' }]);
  expect(await core.state(runId)).toBe('CLAIMED');
});

test('a daemon that names what another has adopts it', async () => {
  const { worker, runId, ids } = await claimed();
  const heir = await core.worker({ hello: { executions: [ids] } });
  worker.socket.terminate();
  await daemon();
  await core.runs.service.cancel(core.key, runId);
  expect(await heir.next('task_cancellation')).toEqual(ids);
});

test('a cancel in its absence is told after the welcome', async () => {
  const { worker, runId, ids } = await claimed();
  await worker.close();
  await core.runs.service.cancel(core.key, runId);
  const back = await daemon({ executions: [ids] });
  expect(await back.next('task_cancellation')).toEqual(ids);
  expect(back.received[0]?.type).toBe('welcome');
});

test('everything that is understood is acknowledged, and so is what is malformed, repeated or of an over execution', async () => {
  const { worker, runId, ids } = await claimed();
  await worker.acknowledged();
  worker.socket.send(JSON.stringify({ type: 'task_failed', message_id: 90, data: { nonsense: true } }));
  await worker.acknowledged(90);
  worker.socket.send(JSON.stringify({ type: 'task_of_the_future', message_id: 91, data: {} }));
  await worker.acknowledged(91);
  worker.fail(runId, { failure_reason: 'setup_command' });
  await worker.acknowledged();
  expect(await core.state(runId)).toBe('FAILED');
  const ended = await core.executions(runId);
  for (const repeat of [worker.claim(runId), worker.phase(runId, 'ending'), worker.complete(runId)]) {
    await worker.acknowledged(repeat);
  }
  expect(await core.executions(runId)).toEqual(ended);
  expect(worker.received).toContainEqual({ type: 'task_cancellation', data: ids });
});

test('words about an old execution do not touch the new one of the same run', async () => {
  const worker = await daemon();
  const runId = await core.create();
  const old = await worker.assigned();
  worker.reject(runId);
  await core.untilState(runId, 'QUEUED');
  core.clock.advance(30_000);
  await worker.assigned();
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  const say = (type: 'task_claimed' | 'task_rejected' | 'task_failed') =>
    worker.say(type, runId, { worker_id: 'local', reason: 'full', message: 'late' }, old.execution_id);
  for (const type of ['task_rejected', 'task_claimed', 'task_failed'] as const) await worker.acknowledged(say(type));
  await core.runs.service.cancel(core.key, runId);
  await expect
    .poll(() => worker.received)
    .toContainEqual({
      type: 'task_cancellation',
      data: { task_id: runId, execution_id: expect.not.stringContaining(old.execution_id ?? '') as string },
    });
  expect(await core.state(runId)).toBe('CLAIMED');
});
