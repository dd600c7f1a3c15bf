import { readFileSync, globSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import { findLiveExecution } from '../store/executions.ts';
import { transition } from './transition.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

const now = new Date('2026-01-01T00:00:00Z');

async function offered() {
  const worker = await core.worker();
  const runId = await core.create();
  await worker.assigned();
  const seen = await findLiveExecution(core.database.db, runId);
  if (seen === undefined) throw new Error('The run has no live execution.');
  return { runId, ...seen };
}

test('of many movers that saw the same, one moves the run, and one event tells of it', async () => {
  const { runId, run, execution } = await offered();
  const claim = () =>
    transition(core.database.db, now, {
      run,
      execution,
      runTo: 'CLAIMED',
      executionTo: 'claimed',
      tell: 'task_cancellation',
    });
  const moved = await Promise.all(Array.from({ length: 10 }, claim));
  expect(moved.filter(Boolean)).toHaveLength(1);
  const events = await core.database.db.selectFrom('events').select('type').where('run_id', '=', runId).execute();
  expect(events.map(({ type }) => type)).toEqual(['run_queued', 'run_offered', 'run_claimed']);
  expect(await core.database.db.selectFrom('outbox').selectAll().execute()).toHaveLength(1);
});

test('a run is not moved without its execution, nor by an old fence, nor past a request to end it', async () => {
  const { runId, run, execution } = await offered();
  const move = { runTo: 'CLAIMED', executionTo: 'claimed' } as const;
  expect(
    await transition(core.database.db, now, {
      run,
      execution: { ...execution, state: 'claimed' },
      ...move,
      executionTo: 'running',
    }),
  ).toBeUndefined();
  expect(await transition(core.database.db, now, { run: { ...run, fence: 0 }, execution, ...move })).toBeUndefined();
  expect(
    await transition(core.database.db, now, { run, execution: { ...execution, end_intent: 'cancelled' }, ...move }),
  ).toBeUndefined();
  expect(await core.state(runId)).toBe('PENDING');
  expect(await core.executions(runId)).toMatchObject([{ state: 'offered' }]);
});

test('an illegal move throws and changes nothing', async () => {
  const { runId, run, execution } = await offered();
  await expect(transition(core.database.db, now, { run, execution, runTo: 'SUCCEEDED' })).rejects.toThrow(
    'PENDING to SUCCEEDED',
  );
  await expect(transition(core.database.db, now, { run, execution, executionTo: 'idle' })).rejects.toThrow(
    'offered to idle',
  );
  expect(await core.state(runId)).toBe('PENDING');
});

test('no other code of the server changes a state', () => {
  const files = globSync('src/server/**/*.ts').filter((file) => !/(\.test|\/transition)\.ts$/.test(file));
  const changers = files.filter((file) => changesState(readFileSync(file, 'utf8')));
  expect(files.length).toBeGreaterThan(20);
  expect(changers).toEqual([]);
});

function changesState(code: string): boolean {
  const statements = code.match(
    /update\s+(runs|executions)\s[^`]*?\bset\b[^`]*?\bstate\s*=[^`]*?\bwhere\b|updateTable\(\s*'(runs|executions)'/g,
  );
  return (statements ?? []).some(
    (statement) => statement.startsWith('updateTable') || /\bset\b.*\bstate\s*=.*\bwhere\b/s.test(statement),
  );
}
