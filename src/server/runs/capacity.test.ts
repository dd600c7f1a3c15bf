import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import type { FakeWorker } from '../../../test/helpers/fake-worker.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { ServerMessage } from '../../protocol/worker-link.ts';
import { Seat } from './seat.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

function why(id: RunId, host: string | null = null): string {
  return core.runs.service.whyWaiting({ id, team_id: core.key.teamId, worker_host: host });
}

/** Claims whatever it is offered. */
const onMessage = (message: ServerMessage, worker: FakeWorker) => {
  if (message.type === 'task_assignment') worker.claim(message.data.task_id);
};

function room(most: number, more: Parameters<RunCore['worker']>[0] = {}): Promise<FakeWorker> {
  return core.worker({ hello: { max_concurrent_tasks: most }, onMessage, ...more });
}

async function settled(): Promise<void> {
  const offered = () => core.database.db.selectFrom('executions').select('id').where('state', '=', 'offered').execute();
  await expect.poll(offered).toEqual([]);
}

test('a worker is never offered more than it has announced, and a waiting run says so in numbers', async () => {
  const worker = await room(2);
  const runs = [await core.create(), await core.create(), await core.create(), await core.create()];
  await expect.poll(() => worker.offers()).toHaveLength(2);
  await settled();
  core.clock.advance(60_000);
  await worker.ping();
  expect(worker.offers()).toHaveLength(2);
  expect(why(runs[3] as RunId)).toBe('1 worker connected, full (2 of 2 tasks).');
  worker.complete(worker.offers()[0] as RunId);
  await expect.poll(() => worker.offers()).toHaveLength(3);
  worker.send('capacity', { max_concurrent_tasks: 3, draining: false });
  await expect.poll(() => worker.offers()).toHaveLength(4);
});

test('several connections share a burst by their room', async () => {
  const workers = [await room(1), await room(3), await room(2, { workerId: 'other' })];
  for (let count = 0; count < 8; count++) await core.create();
  await expect.poll(() => workers.map((worker) => worker.offers().length)).toEqual([1, 3, 2]);
  expect(why(randomUUID() as RunId)).toBe('3 workers connected, all full (6 of 6 tasks).');
});

test('a draining worker is offered nothing, and its tasks go on', async () => {
  const worker = await room(2);
  const running = await core.create();
  await core.untilState(running, 'CLAIMED');
  worker.send('capacity', { max_concurrent_tasks: 2, draining: true });
  await expect.poll(() => why(randomUUID() as RunId)).toBe('1 worker connected, draining.');
  const waiting = await core.create();
  worker.complete(running);
  await worker.acknowledged();
  expect(worker.offers()).toEqual([running]);
  worker.send('capacity', { max_concurrent_tasks: 2, draining: false });
  await expect.poll(() => worker.offers()).toEqual([running, waiting]);
});

test('a worker that cannot take anything for now says why, and is offered what waits as soon as it can', async () => {
  const worker = await core.worker({ hello: { max_concurrent_tasks: 2 } });
  const problem = 'the disk of its state folder is full';
  const refused = await core.create();
  await expect.poll(() => worker.offers()).toHaveLength(1);
  worker.send('capacity', { max_concurrent_tasks: 2, draining: false, problem });
  worker.reject(refused, 'not_ready');
  await core.untilState(refused, 'QUEUED');
  expect(why(refused)).toBe(`1 worker connected, taking nothing for now (${problem}).`);
  await worker.ping();
  expect(worker.offers()).toHaveLength(1);
  worker.send('capacity', { max_concurrent_tasks: 2, draining: false });
  await expect.poll(() => worker.offers()).toEqual([refused, refused]);
});

test('of many workers that each have a problem of their own, a waiting run names some', async () => {
  for (let count = 0; count < 7; count++) {
    await core.worker({ workerId: `w${count}`, hello: { problem: `${count}` } });
  }
  const some = Array.from({ length: 5 }, (_, count) => `1 taking nothing for now (${count})`);
  expect(why(randomUUID() as RunId)).toBe(`7 workers connected: ${some.join(', ')}, 2 for other reasons.`);
});

test('a run that a worker does not accept is never offered to it again, whatever happens to either side', async () => {
  const hello = { instance_id: randomUUID() };
  const picky = await core.worker({ hello });
  const runId = await core.create();
  await picky.assigned();
  picky.reject(runId, 'not_accepted');
  await expect.poll(() => why(runId)).toBe('1 worker connected, not accepting this run.');
  const other = await core.create();
  expect((await picky.assigned()).task_id).toBe(other);
  await core.restart();
  const back = await core.worker({ hello: { ...hello, executions: [] } });
  expect((await back.assigned()).task_id).toBe(other);
  expect(why(runId)).toBe('1 worker connected, not accepting this run.');
  const easy = await core.worker({ hello: {} });
  expect((await easy.assigned()).task_id).toBe(runId);
  expect(back.offers()).toEqual([other]);
});

test('different reasons are counted', async () => {
  await core.worker({ hello: { draining: true } });
  await room(1);
  const runId = await core.create();
  await core.untilState(runId, 'CLAIMED');
  expect(why(randomUUID() as RunId)).toBe('2 workers connected: 1 draining, 1 full (1 of 1 tasks).');
});

test('an offer that was let pass takes no room, and is claimed too late', async () => {
  const hung = await core.worker({ hello: { max_concurrent_tasks: 1 } });
  const runId = await core.create();
  await hung.assigned();
  core.clock.advance(10_000);
  await core.untilState(runId, 'QUEUED');
  const other = await core.create();
  core.clock.advance(60_000);
  await hung.ping();
  core.clock.advance(60_000);
  expect((await hung.assigned()).task_id).toBe(other);
  hung.claim(runId);
  expect(await hung.next('task_cancellation')).toMatchObject({ task_id: runId });
  hung.fail(runId, { failure_reason: 'task_cancelled' });
  hung.claim(other);
  hung.complete(other);
  expect((await hung.assigned()).task_id).toBe(runId);
});

test('a worker that could not take an offer is left alone for a while, and goes on when it has told of its room', async () => {
  const worker = await core.worker({ hello: { max_concurrent_tasks: 2 } });
  const runId = await core.create();
  await worker.assigned();
  worker.reject(runId, 'not_ready');
  await core.untilState(runId, 'QUEUED');
  expect(worker.offers()).toHaveLength(1);
  worker.send('capacity', { max_concurrent_tasks: 2, draining: false });
  expect((await worker.assigned()).task_id).toBe(runId);
});

test('runs that no worker takes are not looked for one by one, and one that takes them has them all', async () => {
  const refuse = (message: ServerMessage, worker: FakeWorker) => {
    if (message.type === 'task_assignment') worker.reject(message.data.task_id, 'not_accepted');
  };
  const picky = await room(1, { onMessage: refuse });
  const runs = await Promise.all(Array.from({ length: 20 }, () => core.create()));
  const allRefused = () => runs.every((id) => why(id).includes('not accepting'));
  await expect.poll(allRefused).toBe(true);
  await settled();
  const offer = vi.spyOn(Seat.prototype, 'reserve');
  core.clock.advance(5_000);
  await expect.poll(() => offer.mock.calls.length).toBeGreaterThan(0);
  await picky.ping();
  expect(offer.mock.calls.length).toBeLessThan(5);
  offer.mockRestore();
  const keen = await room(3);
  await expect.poll(() => keen.offers()).toHaveLength(3);
  for (let ended = 0; ended < 17; ended++) {
    keen.complete(keen.offers()[ended] as RunId);
    await expect.poll(() => keen.offers()).toHaveLength(ended + 4);
  }
});
