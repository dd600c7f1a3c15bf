import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, runningRun, type RunCore } from '../helpers/run-core.ts';

/** Somebody sets the server's clock: that is nobody's silence, and no time that anybody has used. */
const second = 1_000;
const hour = 3_600 * second;

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

async function running() {
  const { worker, runId, agent } = await runningRun(core, { worker: { hello: {} } });
  const talkOn = async (seconds: number) => {
    for (let passed = 0; passed < seconds; passed += 5) {
      worker.send('heartbeat', {});
      await worker.ping();
      core.clock.advance(5 * second);
    }
  };
  return { worker, runId, agent, talkOn };
}

test.each([hour, -hour])('a run goes on, and ends well, when the clock jumps by %i ms', async (distance) => {
  const { worker, runId, agent, talkOn } = await running();
  await talkOn(30);
  core.clock.set(distance);
  await talkOn(90);
  expect(await core.state(runId)).toBe('INPROGRESS');
  await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' });
  worker.say('task_completed', runId, { message: 'Done.' });
  await core.untilExecution(runId, 'ended');
  expect(await core.state(runId)).toBe('SUCCEEDED');
});

test('a run that waits finds a worker after the clock has jumped back', async () => {
  const runId = await core.create();
  core.clock.set(-hour);
  const worker = await core.worker({ hello: {} });
  expect((await worker.assigned()).task_id).toBe(runId);
});
