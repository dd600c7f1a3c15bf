import { expect, test, vi } from 'vitest';
import { startTestWorker } from '../../test/helpers/test-worker.ts';

test('a daemon counts what its tasks come to, and answers for its health', async () => {
  const worker = await startTestWorker({
    oz: 'exit 3',
    teardown: 'exit 1',
    args: ['--health-port', '0'],
    env: { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' },
  });
  const { taskId } = worker.assign();
  await worker.server.waitFor('task_failed', taskId);
  const [metrics = '', livez = ''] = worker.process.output().match(/http:[^\s"]+\/(metrics|livez)/g) ?? [];
  await vi.waitFor(async () => {
    const text = await (await fetch(metrics)).text();
    expect(text).toContain('oz_worker_connected 1\n');
    expect(text).toContain('oz_worker_tasks_active 0\n');
    expect(text).toContain('oz_worker_tasks_claimed_total 1\n');
    expect(text).toContain('oz_worker_tasks_completed_total{result="failed"} 1\n');
    expect(text).toContain('oz_worker_task_failures_total{phase="backend",reason="agent_invocation"} 1\n');
    expect(text).toContain('oz_worker_task_failures_total{phase="backend",reason="teardown_command"} 1\n');
  });
  expect((await fetch(livez)).status).toBe(200);
  expect((await fetch(livez.replace('livez', 'readyz'))).status).toBe(200);
});

test('the log names task and execution, and no secret, however much it says', async () => {
  const worker = await startTestWorker({
    setup: 'echo "SETUP_TOKEN=from-setup-1234" > "$OZ_ENVIRONMENT_FILE"',
    oz: 'env',
    args: ['--log-level', 'debug'],
    env: { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer-of-the-test' },
  });
  const { taskId, executionId } = worker.assign({ env: { MY_SECRET: 'from-the-server-1' } });
  await worker.server.waitFor('task_completed', taskId);
  const output = worker.process.output();
  for (const secret of ['from-setup', 'from-the-server', `token-of-${taskId}`, 'Bearer-of', 'wk-daemon']) {
    expect(output).not.toContain(secret);
  }
  const lines = output.split('\n').filter((line) => line.includes('Task claimed') || line.includes('is completed'));
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(line).toContain(`"task_id":"${taskId}","execution_id":"${executionId}"`);
});
