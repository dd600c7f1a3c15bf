import { expect, test } from 'vitest';
import { hasOtlpEndpoint, readOtlpProtocol, readTelemetrySettings } from './settings.ts';

test('metrics go to a collector and spans nowhere, unless the variables say otherwise', () => {
  expect(readTelemetrySettings({})).toEqual({
    metrics: ['otlp'],
    traces: [],
    prometheus: { host: '127.0.0.1', port: 9464 },
    interval: 60_000,
    timeout: 30_000,
  });
  expect(
    readTelemetrySettings({
      OTEL_METRICS_EXPORTER: 'prometheus, console',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_PROMETHEUS_HOST: '0.0.0.0',
      OTEL_EXPORTER_PROMETHEUS_PORT: '9000',
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
    }),
  ).toMatchObject({
    metrics: ['prometheus', 'console'],
    traces: ['otlp'],
    prometheus: { host: '0.0.0.0', port: 9000 },
    interval: 5_000,
  });
});

test.each([{ OTEL_METRICS_EXPORTER: 'none' }, { OTEL_SDK_DISABLED: 'TRUE', OTEL_TRACES_EXPORTER: 'otlp' }])(
  '%j turns all of it off',
  (host) => expect(readTelemetrySettings(host)).toMatchObject({ metrics: [], traces: [] }),
);

test.each([
  [{ OTEL_METRICS_EXPORTER: 'statsd' }, 'OTEL_METRICS_EXPORTER "statsd" is none of otlp, prometheus, console, none.'],
  [{ OTEL_EXPORTER_PROMETHEUS_PORT: 'x' }, 'OTEL_EXPORTER_PROMETHEUS_PORT "x" is not a number from 0 to 65535.'],
  [{ OTEL_METRIC_EXPORT_INTERVAL: '0' }, 'OTEL_METRIC_EXPORT_INTERVAL "0" is not a number'],
])('%j is refused by name', (host, words) => {
  expect(() => readTelemetrySettings(host)).toThrow(words);
});

test("a signal's own protocol beats the common one, and gRPC is refused", () => {
  const host = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'grpc' };
  expect(readOtlpProtocol({}, 'METRICS')).toBe('http/protobuf');
  expect(readOtlpProtocol(host, 'TRACES')).toBe('http/json');
  expect(() => readOtlpProtocol(host, 'METRICS')).toThrow(
    'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL "grpc" is none of http/protobuf, http/json.',
  );
});

test('an endpoint is asked for when either variable names one', () => {
  expect(hasOtlpEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBe(false);
  expect(hasOtlpEndpoint({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://c:4318' })).toBe(true);
});
