import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, runningRun, type RunCore } from '../../../test/helpers/run-core.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { RunItem } from '../../protocol/runs.ts';
import { createRunQueries } from './run-queries.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

function shown(runId: RunId): Promise<RunItem> {
  const { database, clock, key } = core;
  const queries = createRunQueries({ db: database.db, clock, whyWaiting: (run) => core.runs.service.whyWaiting(run) });
  return queries.get(key, runId);
}

async function says(runId: RunId): Promise<string | undefined> {
  return (await shown(runId)).status_message?.message;
}

test('a run says what its worker does, that it cannot be reached, and what went wrong beside its outcome', async () => {
  const worker = await core.worker({ hello: {} });
  const runId = await core.create();
  const agent = await core.agent(await worker.assigned());
  worker.claim(runId);
  worker.phase(runId, 'preparing');
  await worker.acknowledged();
  expect(await says(runId)).toBe('Worker `local` runs the setup command.');
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  // It answers no ping.
  worker.socket.pause();
  core.clock.advance(46_000);
  expect(await says(runId)).toMatch(
    /^Worker `local` has been unreachable since 2026-01-01 00:00:45 UTC\. .* if it is back by 2026-01-01 00:1\d:\d\d UTC, and/,
  );
  worker.socket.resume();
  worker.phase(runId, 'ending');
  await worker.acknowledged();
  const saysAfterASecond = () => {
    core.clock.advance(1_000);
    return says(runId);
  };
  await expect.poll(saysAfterASecond).toBe('The agent has ended; worker `local` finishes the task.');
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' });
  expect(await shown(runId)).toMatchObject({ state: 'SUCCEEDED', is_sandbox_running: true });
  worker.complete(runId, undefined, { teardown_problem: 'The teardown command exited with code 3.' });
  await worker.acknowledged();
  expect(await shown(runId)).toMatchObject({
    state: 'SUCCEEDED',
    is_sandbox_running: false,
    warnings: ['The teardown command exited with code 3.'],
  });
});

test('a limit that the agent has survived without knowing of it is told, also with a teardown that failed', async () => {
  const { worker, runId, agent } = await runningRun(core, { worker: { hello: {} } });
  const status_message = { message: 'The script exited with code 137.', error_code: 'agent_failed' as const };
  await core.runs.service.reportTurn(agent, 1, { state: 'FAILED', status_message });
  const teardown_problem = 'The teardown command exited with code 3.';
  worker.fail(runId, { failure_reason: 'container_oom', teardown_problem });
  await worker.acknowledged();
  expect(await shown(runId)).toMatchObject({
    state: 'FAILED',
    status_message,
    warnings: ['The task met its worker’s limit on memory.', teardown_problem],
  });
});

test('a limit that is the outcome itself is no warning', async () => {
  const { worker, runId } = await runningRun(core, { worker: { hello: {} } });
  worker.fail(runId, { failure_reason: 'container_oom' });
  await core.untilState(runId, 'FAILED');
  expect(await shown(runId)).not.toHaveProperty('warnings');
});

test('a run that is being cancelled says so until its worker has ended it', async () => {
  const { runId } = await runningRun(core, { worker: { hello: {} } });
  await core.runs.service.cancel(core.key, runId);
  expect(await shown(runId)).toMatchObject({
    state: 'INPROGRESS',
    status_message: { message: 'Being cancelled: worker `local` ends the task.' },
  });
});

test('a run that waits for its next attempt says what came of the last one, and why it waits', async () => {
  const { worker, runId } = await runningRun(core, { worker: { hello: {} }, body: { config: { max_attempts: 2 } } });
  worker.send('capacity', { max_concurrent_tasks: null, draining: true });
  worker.fail(runId, { failure_reason: 'graceful_shutdown' });
  await core.untilState(runId, 'QUEUED');
  expect(await says(runId)).toBe(
    'Attempt 1 of 2 has failed, and the run waits again: The worker was shut down while the task ran. ' +
      '1 worker connected, draining.',
  );
  expect(await shown(runId)).not.toHaveProperty('warnings');
});
