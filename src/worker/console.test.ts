import { expect, test } from 'vitest';
import { apiKey, startTestWorker } from '../../test/helpers/test-worker.ts';

test('secrets are masked in all three streams, also where one is written in two pieces', async () => {
  const worker = await startTestWorker({
    setup: 'echo "SETUP_TOKEN=from-setup-1" > "$OZ_ENVIRONMENT_FILE"; echo $DB_PASSWORD $CLOUD_SECRET',
    oz: 'echo "$WARP_API_KEY $SETUP_TOKEN $PLAIN"; printf hunter; sleep 0.2; echo 22',
    teardown: `echo from-setup-1 hunter22 ${apiKey}`,
    args: ['-e', 'DB_PASSWORD=hunter22,PLAIN=in the open'],
    env: { CLOUD_SECRET: 'of-the-host' },
  });
  const { taskId, executionId } = worker.assign();
  await worker.server.waitFor('task_completed', taskId);
  const text = (stream: string) => worker.server.console(executionId, stream).toString();
  expect(text('setup')).toBe('*** ***\n');
  expect(text('agent')).toBe('*** *** in the open\n***\n');
  expect(text('teardown')).toBe('*** *** ***\n');
  expect(worker.process.output()).not.toMatch(/hunter22|from-setup-1|token-of-/);
});

test('output of a megabyte arrives whole and in order, before the task is reported', async () => {
  const worker = await startTestWorker({ oz: 'seq 1 150000' });
  const { taskId, executionId } = worker.assign();
  await worker.server.waitFor('task_completed', taskId);
  const expected = Array.from({ length: 150_000 }, (_, index) => `${index + 1}\n`).join('');
  expect(worker.server.console(executionId, 'agent').toString() === expected).toBe(true);
});

test('console goes on where the server stands after the line was cut in the middle of it', async () => {
  const worker = await startTestWorker({ oz: 'for n in 1 2 3 4 5 6; do seq 1 60000; sleep 0.1; done' });
  const { taskId, executionId } = worker.assign();
  const stored = () => worker.server.console(executionId, 'agent').length;
  await worker.server.until(() => stored() > 300_000);
  worker.server.cut();
  await worker.server.until(() => stored() > 900_000);
  worker.server.cut();
  await worker.server.waitFor('task_completed', taskId);
  const expected = Array.from({ length: 60_000 }, (_, index) => `${index + 1}\n`).join('');
  expect(worker.server.console(executionId, 'agent').toString() === expected.repeat(6)).toBe(true);
});

test('output is seen while the task runs', async () => {
  const worker = await startTestWorker({ oz: 'echo first; sleep 600' });
  const { taskId, executionId } = worker.assign();
  await worker.server.until(() => worker.server.console(executionId, 'agent').toString() === 'first\n');
  expect(worker.server.received.map(({ type }) => type)).toEqual(['task_claimed']);
  worker.cancel(taskId);
  await worker.server.waitFor('task_completed', taskId);
});

test('nothing of what a task writes is on the output of the daemon', async () => {
  const worker = await startTestWorker({ setup: 'echo marked-1', oz: 'echo marked-2 >&2', teardown: 'echo marked-3' });
  await worker.server.waitFor('task_completed', worker.assign().taskId);
  expect(worker.process.output()).not.toContain('marked');
});
