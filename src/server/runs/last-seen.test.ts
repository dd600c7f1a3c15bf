import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import { LastSeen } from './last-seen.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

test('what another server did to a run meanwhile is found by looking anew', async () => {
  const worker = await core.worker();
  const runId = await core.create();
  await worker.assigned();
  // Another server hears the claim and a request to cancel.
  await core.database.db.updateTable('runs').set({ state: 'CLAIMED' }).where('id', '=', runId).execute();
  await core.database.db
    .updateTable('executions')
    .set({ state: 'claimed', answer_by: null, end_intent: 'cancelled' })
    .where('run_id', '=', runId)
    .execute();
  worker.claim(runId);
  expect(await worker.next('task_cancellation')).toEqual({ task_id: runId });
  worker.complete(runId);
  await core.untilState(runId, 'CANCELLED');
  expect(await core.executions(runId)).toMatchObject([{ state: 'ended' }]);
});

const offer = (number: number) => ({
  run: { id: `run-${number}` as RunId, fence: 1, state: 'PENDING' as const },
  execution: { id: `execution-${number}` as ExecutionId, state: 'offered' as const, end_intent: null },
});

test('an execution is known as its last transition left it, until it is over', () => {
  const lastSeen = new LastSeen();
  const seen = offer(1);
  const { id } = seen.execution;
  lastSeen.offered(seen);
  lastSeen.moved({ ...seen, runTo: 'CLAIMED', executionTo: 'claimed' });
  expect(lastSeen.of(id)).toMatchObject({ run: { state: 'CLAIMED' }, execution: { state: 'claimed' } });
  lastSeen.moved({
    ...(lastSeen.of(id) ?? seen),
    event: 'run_cancel_requested',
    executionFacts: { end_intent: 'cancelled' },
  });
  expect(lastSeen.of(id)?.execution).toMatchObject({ state: 'claimed', end_intent: 'cancelled' });
  lastSeen.moved({ ...(lastSeen.of(id) ?? seen), runTo: 'CANCELLED', executionTo: 'ended' });
  expect(lastSeen.of(id)).toBeUndefined();
});

test('it remembers a limited number of executions, the newest', () => {
  const lastSeen = new LastSeen();
  for (let number = 0; number <= 10_000; number++) lastSeen.offered(offer(number));
  expect(lastSeen.of('execution-0' as ExecutionId)).toBeUndefined();
  expect(lastSeen.of('execution-10000' as ExecutionId)).toBeDefined();
});
