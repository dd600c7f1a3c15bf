import { afterEach, beforeEach, expect, test } from 'vitest';
import { untilOffering, withOffersHeldUp } from '../../../test/helpers/held-offers.ts';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import type { RunId } from '../../protocol/ids.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

test('a queued run is offered to a worker that connects, with the values a stock daemon wants', async () => {
  const runId = await core.create({
    prompt: 'echo hello',
    config: { harness: { type: 'shell' }, idle_timeout_minutes: 5 },
  });
  const worker = await core.worker();
  const assignment = await worker.assigned();
  expect(assignment).toMatchObject({
    task_id: runId,
    execution_id: expect.any(String),
    task: {
      id: runId,
      title: 'echo hello',
      task_definition: { prompt: 'echo hello' },
      owner: { Type: 'TEAM', Id: expect.any(Number) },
      agent_config_snapshot: { harness: { type: 'shell' }, idle_timeout_minutes: 5 },
    },
    env_vars: { WARP_API_KEY: expect.stringMatching(/^wk-run-/) },
  });
  expect(await core.state(runId)).toBe('PENDING');
});

test('a run goes from its offer to its end by the words of agent and worker', async () => {
  const worker = await core.worker();
  const runId = await core.create();
  const assignment = await worker.assigned();
  const agent = await core.agent(assignment);
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  expect(await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' })).toEqual({
    state: 'INPROGRESS',
    next_entry: 0,
  });
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' });
  expect(await core.executions(runId)).toMatchObject([{ state: 'ending' }]);
  worker.complete(runId);
  await core.untilExecution(runId, 'ended');
  expect(await core.state(runId)).toBe('SUCCEEDED');
});

test('an offer that is not claimed in time goes to another connection, and never back to the one that let it pass', async () => {
  const hung = await core.worker();
  const runId = await core.create();
  await hung.assigned();
  const other = await core.worker();
  core.clock.advance(10_000);
  expect((await other.assigned()).task_id).toBe(runId);
  expect(await core.executions(runId)).toMatchObject([
    { state: 'withdrawn', end_reason: 'unanswered' },
    { state: 'offered', fence: 2 },
  ]);
  expect(hung.offers()).toHaveLength(1);
});

test('a late claim is answered with a cancellation', async () => {
  const late = await core.worker();
  const runId = await core.create();
  await late.assigned();
  core.clock.advance(10_000);
  await core.untilState(runId, 'QUEUED');
  late.claim(runId);
  expect(await late.next('task_cancellation')).toEqual({ task_id: runId });
  const second = await core.create();
  expect((await late.assigned()).task_id).toBe(second);
  expect(late.offers()).toEqual([runId, second]);
});

test('once the daemon has ended what it claimed too late, it may be offered the run again', async () => {
  const late = await core.worker();
  const runId = await core.create();
  await late.assigned();
  core.clock.advance(10_000);
  await core.untilState(runId, 'QUEUED');
  late.claim(runId);
  await late.next('task_cancellation');
  late.fail(runId, { failure_reason: 'task_cancelled' });
  expect((await late.assigned()).task_id).toBe(runId);
});

test('a worker that rejects is left alone until one of its tasks ends', async () => {
  const worker = await core.worker();
  const first = await core.create();
  await worker.assigned();
  worker.claim(first);
  await core.untilState(first, 'CLAIMED');
  const second = await core.create();
  await worker.assigned();
  worker.reject(second);
  await core.untilState(second, 'QUEUED');
  core.clock.advance(20_000);
  const third = await core.create();
  await worker.ping();
  expect(worker.offers()).toEqual([first, second]);
  expect(core.runs.service.whyWaiting({ id: third, team_id: core.key.teamId, worker_host: null })).toBe(
    '1 worker connected, full.',
  );
  worker.complete(first);
  expect((await worker.assigned()).task_id).toBe(second);
  worker.claim(second);
  expect((await worker.assigned()).task_id).toBe(third);
});

test('a worker that rejects and never says more is asked again on a slow timer', async () => {
  const worker = await core.worker();
  const runId = await core.create();
  await worker.assigned();
  worker.reject(runId);
  await core.untilState(runId, 'QUEUED');
  core.clock.advance(30_000);
  expect((await worker.assigned()).task_id).toBe(runId);
});

test('a worker that let an offer pass and never says more is tried with another run on a slow timer', async () => {
  const hung = await core.worker();
  const passed = await core.create();
  await hung.assigned();
  core.clock.advance(10_000);
  await core.untilState(passed, 'QUEUED');
  const next = await core.create();
  core.clock.advance(60_000);
  await hung.ping();
  expect(hung.offers()).toEqual([passed]);
  core.clock.advance(60_000);
  expect((await hung.assigned()).task_id).toBe(next);
});

test('a worker with little room and a long queue rejects about one offer for each task that it ends', async () => {
  for (let created = 0; created < 40; created++) await core.create();
  const running: string[] = [];
  let rejected = 0;
  const worker = await core.worker({
    onMessage(message, self) {
      if (message.type !== 'task_assignment') return;
      const { task_id } = message.data;
      const hasRoom = running.length < 2;
      if (hasRoom) running.push(task_id);
      else rejected += 1;
      if (hasRoom) self.claim(task_id);
      else self.reject(task_id);
    },
  });
  const offered = () => core.database.db.selectFrom('executions').select('id').where('state', '=', 'offered').execute();
  const untilQuiet = () =>
    expect.poll(async () => [running.length, (await offered()).length], { timeout: 5_000 }).toEqual([2, 0]);
  await untilQuiet();
  const first = rejected;
  for (let ended = 0; ended < 8; ended++) {
    worker.complete(running.shift() ?? '');
    await untilQuiet();
  }
  expect(rejected - first).toBeLessThanOrEqual(8);
});

test('a rejected run goes to another worker with room', async () => {
  const full = await core.worker({ workerId: 'one' });
  const runId = await core.create();
  await full.assigned();
  const free = await core.worker({ workerId: 'two' });
  full.reject(runId);
  expect((await free.assigned()).task_id).toBe(runId);
});

test('runs are spread evenly over the connections of one worker id', async () => {
  const workers = [await core.worker(), await core.worker()];
  for (let count = 0; count < 6; count++) await core.create();
  await expect.poll(() => workers.map((worker) => worker.offers().length)).toEqual([3, 3]);
});

test('a run for an absent host says why it waits and does not stand in the way of others', async () => {
  const worker = await core.worker();
  const waiting = await core.create({ config: { worker_host: 'gpu-1' } });
  const other = await core.create();
  expect((await worker.assigned()).task_id).toBe(other);
  const why = core.runs.service.whyWaiting({ id: waiting, team_id: core.key.teamId, worker_host: 'gpu-1' });
  expect(why).toBe('No worker `gpu-1` is connected.');
  const gpu = await core.worker({ workerId: 'gpu-1' });
  expect((await gpu.assigned()).task_id).toBe(waiting);
});

test('a worker is given the oldest run of both queues that it serves', async () => {
  // One that has been full is offered one run at a time.
  const worker = await core.worker();
  const rejected = await core.create();
  await worker.assigned();
  worker.reject(rejected);
  await core.untilState(rejected, 'QUEUED');
  core.clock.advance(1_000);
  const forHost = await core.create({ config: { worker_host: 'local' } });
  core.clock.advance(1_000);
  const forAny = await core.create();
  core.clock.advance(30_000);
  for (const next of [rejected, forHost, forAny]) {
    expect((await worker.assigned()).task_id).toBe(next);
    worker.claim(next);
  }
});
test('while all of one queue is being taken by others, the other queue of a worker is served', async () => {
  const worker = await core.worker();
  await withOffersHeldUp(core, async () => {
    const older = await core.create();
    await untilOffering(core, older);
    core.clock.advance(1_000);
    const younger = await core.create({ config: { worker_host: 'local' } });
    await untilOffering(core, younger);
  });
  await expect.poll(() => worker.offers()).toHaveLength(2);
});

test('a long queue does not make another one wait for its end', async () => {
  await core.worker();
  const other = await core.worker({ workerId: 'other' });
  let last: RunId | undefined;
  await withOffersHeldUp(core, async () => {
    for (let count = 0; count < 40; count++) await core.create({ config: { worker_host: 'local' } });
    last = await core.create({ config: { worker_host: 'other' } });
    await untilOffering(core, last);
  });
  await expect.poll(() => other.offers()).toEqual([last]);
});

test('a worker of another team is offered nothing', async () => {
  const worker = await core.worker();
  await core.runs.service.create(core.foreign, { body: { prompt: 'x' }, source: 'API' });
  const own = await core.create();
  expect((await worker.assigned()).task_id).toBe(own);
  expect(worker.offers()).toEqual([own]);
});

test('a hundred runs go to two workers, each exactly once', async () => {
  const onMessage: Parameters<RunCore['worker']>[0] = {
    onMessage(message, worker) {
      if (message.type !== 'task_assignment') return;
      worker.claim(message.data.task_id);
      worker.complete(message.data.task_id);
    },
  };
  const workers = [await core.worker(onMessage), await core.worker({ ...onMessage, workerId: 'other' })];
  const created = await Promise.all(Array.from({ length: 100 }, () => core.create()));
  const ended = () => core.database.db.selectFrom('executions').select('run_id').where('state', '=', 'ended').execute();
  await expect.poll(async () => (await ended()).length, { timeout: 20_000 }).toBe(100);
  expect(workers.flatMap((worker) => worker.offers()).sort()).toEqual(created.sort());
});
