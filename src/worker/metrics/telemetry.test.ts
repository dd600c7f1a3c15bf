import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test, vi, type Mock } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { version } from '../../common/version.ts';
import { executionIdSchema, runIdSchema } from '../../protocol/ids.ts';
import { failureReasons } from '../../protocol/worker-link.ts';
import { openTelemetry } from './telemetry.ts';

const task = {
  task_id: runIdSchema.parse('0196a000-0000-7000-8000-000000000001'),
  execution_id: executionIdSchema.parse('0196a000-0000-7000-8000-000000000002'),
};

test('the whole catalogue is served to Prometheus from the start, at 0', async () => {
  const { scrape } = await openPrometheus();
  const text = await scrape();
  const samples = Object.entries(samplesIn(text)).filter(([name]) => !name.startsWith('target_info'));
  const info = `oz_worker_info{version="${version}",backend="direct",worker_id="w1"}`;
  const counted = [...failureReasons, 'teardown_command', 'cancel_command', 'cleanup'];
  expect(Object.fromEntries(samples)).toEqual({
    oz_worker_connected: 0,
    oz_worker_tasks_active: 0,
    oz_worker_tasks_max_concurrent: 0,
    oz_worker_tasks_claimed_total: 0,
    ...zeros('oz_worker_tasks_rejected_total', 'reason', ['at_capacity', 'not_ready', 'not_accepted']),
    ...zeros('oz_worker_tasks_completed_total', 'result', ['succeeded', 'failed', 'cancelled', 'dispatched']),
    ...zeros('oz_worker_task_failures_total{phase="backend",', 'reason', counted),
    ...zeros('oz_worker_websocket_reconnects_total', 'reason', ['dial_failed', 'remote_close']),
    [info]: 1,
  });
  expect(text).toContain('service_name="oz-agent-worker"');
  expect(text).toContain('worker_id="w1",worker_backend="direct"');
});

test('what happens is counted', async () => {
  const { observer, scrape } = await openPrometheus();
  observer.capacity({ max_concurrent_tasks: 3, draining: false });
  observer.disconnected('dial_failed');
  observer.connected();
  observer.taskClaimed(task);
  observer.taskAdopted(task);
  observer.taskRejected('at_capacity');
  observer.failure('agent_invocation');
  observer.taskEnded(task, { result: 'failed', seconds: 42 });
  expect(samplesIn(await scrape())).toMatchObject({
    oz_worker_connected: 1,
    oz_worker_tasks_active: 1,
    oz_worker_tasks_max_concurrent: 3,
    oz_worker_tasks_claimed_total: 1,
    'oz_worker_tasks_rejected_total{reason="at_capacity"}': 1,
    'oz_worker_tasks_completed_total{result="failed"}': 1,
    'oz_worker_task_failures_total{phase="backend",reason="agent_invocation"}': 1,
    'oz_worker_websocket_reconnects_total{reason="dial_failed"}': 1,
    'oz_worker_task_duration_seconds_bucket{result="failed",le="30"}': 0,
    'oz_worker_task_duration_seconds_bucket{result="failed",le="60"}': 1,
    'oz_worker_task_duration_seconds_sum{result="failed"}': 42,
  });
});

test('a Prometheus port that is taken is an error in one sentence', async () => {
  const { url } = await openPrometheus();
  const { port } = new URL(url);
  const host = { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: port };
  await expect(open(host)).rejects.toThrow(
    `The Prometheus exporter cannot listen on 127.0.0.1:${port}: another program uses this port.`,
  );
});

test('a collector is sent metrics, and a trace for each task with a span for each command', async () => {
  const collector = await startCollector();
  const { telemetry } = await open({
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=acme',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
    OTEL_SERVICE_NAME: 'our-worker',
  });
  const { observer } = telemetry;
  observer.taskClaimed(task);
  observer.stageStarted(task, 'agent');
  observer.stageEnded(task, 'agent', 'exited with code 3');
  observer.taskEnded(task, { result: 'failed', seconds: 1 });
  await telemetry.close();

  const metrics = collector.bodyOf('/v1/metrics');
  expect(metrics).toContain('"oz_worker_tasks_claimed_total"');
  expect(metrics).toContain('{"key":"service.name","value":{"stringValue":"our-worker"}}');
  expect(metrics).toContain('{"key":"deployment.environment","value":{"stringValue":"test"}}');
  expect(collector.headersOf('/v1/metrics')).toMatchObject({ 'x-tenant': 'acme' });
  const { spans } = (JSON.parse(collector.bodyOf('/v1/traces')) as TraceExport).resourceSpans[0]!.scopeSpans[0]!;
  const [agent, whole] = spans;
  expect(agent).toMatchObject({ name: 'agent', traceId: whole?.traceId, parentSpanId: whole?.spanId });
  expect(agent).toMatchObject({ status: { code: 2, message: 'exited with code 3' } });
  expect(whole?.attributes).toContainEqual({ key: 'execution.id', value: { stringValue: task.execution_id } });
});

test('protobuf is what a collector is sent by default', async () => {
  const collector = await startCollector();
  const { telemetry } = await open({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  await telemetry.close();
  expect(collector.headersOf('/v1/metrics')).toMatchObject({ 'content-type': 'application/x-protobuf' });
  expect(collector.bodyOf('/v1/metrics')).toContain('oz_worker_connected');
});

test('a collector that does not answer as it should is told of once', async () => {
  const { url } = await startCollector(404);
  const asked = await open({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_METRIC_EXPORT_INTERVAL: '20' });
  await vi.waitFor(() => expect(asked.warn).toHaveBeenCalled());
  await asked.telemetry.close();
  expect(asked.warn.mock.calls).toEqual([[expect.stringContaining('Metrics cannot be exported: ')]]);
});

test('the console exporter prints', async () => {
  const dir = vi.spyOn(console, 'dir').mockImplementation(() => undefined);
  onTestFinished(() => dir.mockRestore());
  const { telemetry } = await open({ OTEL_METRICS_EXPORTER: 'console' });
  await telemetry.close();
  expect(JSON.stringify(dir.mock.calls)).toContain('oz_worker_tasks_claimed_total');
});

interface TraceExport {
  resourceSpans: { scopeSpans: { spans: { traceId: string; spanId: string; attributes: object[] }[] }[] }[];
}

type Said = Mock<(line: string) => void>;

/** The exporters read the process's environment by themselves. */
async function open(host: Record<string, string>) {
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const [name, value] of Object.entries(host)) vi.stubEnv(name, value);
  const [info, warn, debug] = [0, 1, 2].map(() => vi.fn<(line: string) => void>()) as [Said, Said, Said];
  const log = { info, warn, debug } as unknown as Logger;
  const telemetry = await openTelemetry({ host, worker: { id: 'w1', backend: 'direct' }, clock: systemClock, log });
  onTestFinished(() => telemetry.close());
  return { telemetry, info, warn };
}

async function openPrometheus() {
  const host = { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' };
  const { telemetry, info } = await open(host);
  const url = /http\S+/.exec(info.mock.calls.join(' '))?.[0] ?? '';
  return { observer: telemetry.observer, url, scrape: async () => (await fetch(url)).text() };
}

/** The text format of Prometheus, as a map from series to value. */
function samplesIn(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

function zeros(name: string, label: string, values: string[]): Record<string, number> {
  const start = name.includes('{') ? name : `${name}{`;
  return Object.fromEntries(values.map((value) => [`${start}${label}="${value}"}`, 0]));
}

/** Takes what an OTLP exporter sends over HTTP. */
async function startCollector(status = 200) {
  const heard = new Map<string, { headers: object; body: string }>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const isPacked = request.headers['content-encoding'] === 'gzip';
      heard.set(request.url ?? '', { headers: request.headers, body: (isPacked ? gunzipSync(body) : body).toString() });
      response.writeHead(status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodyOf: (path: string) => heard.get(path)?.body ?? '',
    headersOf: (path: string) => heard.get(path)?.headers,
  };
}
