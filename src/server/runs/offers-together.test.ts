import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { untilOffering, withOffersHeldUp } from '../../../test/helpers/held-offers.ts';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import type { RunId } from '../../protocol/ids.ts';
import { hashToken } from '../auth/tokens.ts';
import { Seat } from './seat.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

test('a long queue is offered several runs at a time: in their order, each with a token of its own, none beyond the room', async () => {
  const runs: RunId[] = [];
  for (let count = 0; count < 40; count++) {
    core.clock.advance(1);
    runs.push(await core.create());
  }
  const reserve = vi.spyOn(Seat.prototype, 'reserve');
  onTestFinished(() => reserve.mockRestore());
  const worker = await core.worker({ hello: { max_concurrent_tasks: 30 } });
  await expect.poll(() => worker.offers()).toHaveLength(30);
  expect(worker.offers().toSorted()).toEqual(runs.slice(0, 30).toSorted());
  const places = worker.offers().map((id) => runs.indexOf(id as RunId));
  // Of the two statements that it takes, either may be answered first.
  expect(places.filter((place, index) => place < (places[index - 1] ?? 0)).length).toBeLessThanOrEqual(1);
  expect(Math.max(...reserve.mock.calls.map(([places]) => places))).toBeGreaterThan(1);
  const hashes = core.database.db.selectFrom('executions').select(['run_id', 'token_hash']).execute();
  const hashOf = new Map((await hashes).map(({ run_id, token_hash }) => [run_id, token_hash.toString('hex')]));
  for (const message of worker.received) {
    if (message.type !== 'task_assignment') continue;
    const token = message.data.env_vars?.['WARP_API_KEY'] ?? '';
    expect(hashToken(token).toString('hex')).toBe(hashOf.get(message.data.task_id));
  }
  worker.complete(runs[0] as RunId);
  await expect.poll(() => worker.offers().slice(30)).toEqual([runs[30]]);
});

test('runs that were offered together to a connection that closed meanwhile all go to the next one', async () => {
  const runs: RunId[] = [];
  for (let count = 0; count < 20; count++) runs.push(await core.create());
  const [id] = runs as [RunId];
  await withOffersHeldUp(core, async () => {
    const gone = await core.worker();
    await untilOffering(core, id);
    await gone.close();
    const why = () => core.runs.service.whyWaiting({ id, team_id: core.key.teamId, worker_host: null });
    await expect.poll(why).toBe('No worker is connected.');
  });
  await expect.poll(() => core.executions(id)).toMatchObject([{ state: 'withdrawn', end_reason: 'undeliverable' }]);
  const next = await core.worker();
  await expect.poll(() => next.offers().sort()).toEqual(runs.sort());
});

test('workers that share a long queue are offered its runs side by side', async () => {
  for (let count = 0; count < 8; count++) await core.worker({ workerId: `w${count}` });
  const held = () =>
    core.database.pool.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
  await withOffersHeldUp(core, async () => {
    for (let count = 0; count < 8; count++) await core.create();
    await expect.poll(async () => (await held()).rowCount, { timeout: 5_000 }).toBeGreaterThan(2);
  });
});
