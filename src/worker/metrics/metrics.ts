import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import {
  ConsoleMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type IMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { createInstruments } from './instruments.ts';
import { openPrometheus } from './prometheus.ts';
import { quiet } from './quiet-exporter.ts';
import { resourceOf } from './resource.ts';
import { hasOtlpEndpoint, readOtlpProtocol, type MetricsExporter, type TelemetrySettings } from './settings.ts';
import type { Telemetry, TelemetryOptions } from './telemetry-part.ts';

export async function openMetrics(settings: TelemetrySettings, options: TelemetryOptions): Promise<Telemetry> {
  const readers = await Promise.all(settings.metrics.map((name) => openReader(name, settings, options)));
  const provider = new MeterProvider({ resource: resourceOf(options.worker), readers });
  return {
    observer: createInstruments(provider.getMeter('oz-agent-worker'), options.worker),
    close: () => provider.shutdown(),
  };
}

async function openReader(
  name: MetricsExporter,
  settings: TelemetrySettings,
  { host, log }: TelemetryOptions,
): Promise<IMetricReader> {
  if (name === 'prometheus') return openPrometheus(settings.prometheus, log);
  if (name === 'console') return periodic(new ConsoleMetricExporter(), settings);
  const exporter = readOtlpProtocol(host, 'METRICS') === 'http/json' ? new JsonExporter() : new ProtobufExporter();
  return periodic(quiet(exporter, { what: 'Metrics', isAskedFor: hasOtlpEndpoint(host), log }), settings);
}

function periodic(exporter: PushMetricExporter, { interval, timeout }: TelemetrySettings): IMetricReader {
  return new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: interval,
    exportTimeoutMillis: Math.min(timeout, interval),
  });
}
