import { CodedError } from '../../protocol/errors.ts';

/** What the standard `OTEL_*` variables ask for. The exporters read the rest of them by themselves. */
export interface TelemetrySettings {
  metrics: readonly MetricsExporter[];
  traces: readonly TracesExporter[];
  prometheus: { host: string; port: number };
  /** Between two exports, and for one of them; in milliseconds. */
  interval: number;
  timeout: number;
}

const metricsExporters = ['otlp', 'prometheus', 'console'] as const;
export type MetricsExporter = (typeof metricsExporters)[number];
const tracesExporters = ['otlp', 'console'] as const;
export type TracesExporter = (typeof tracesExporters)[number];

const protocols = ['http/protobuf', 'http/json'] as const;
export type OtlpProtocol = (typeof protocols)[number];

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `invalid_request` for what it does not know: a metric that silently goes nowhere is missed too late. */
export function readTelemetrySettings(host: Environment): TelemetrySettings {
  const isOff = host['OTEL_SDK_DISABLED']?.toLowerCase() === 'true';
  return {
    metrics: isOff ? [] : readExporters(host, 'OTEL_METRICS_EXPORTER', metricsExporters, 'otlp'),
    traces: isOff ? [] : readExporters(host, 'OTEL_TRACES_EXPORTER', tracesExporters, 'none'),
    prometheus: {
      host: host['OTEL_EXPORTER_PROMETHEUS_HOST'] || '127.0.0.1',
      port: readNumber(host, 'OTEL_EXPORTER_PROMETHEUS_PORT', 9464, [0, 65_535]),
    },
    interval: readNumber(host, 'OTEL_METRIC_EXPORT_INTERVAL', 60_000, [1, 2 ** 31 - 1]),
    timeout: readNumber(host, 'OTEL_METRIC_EXPORT_TIMEOUT', 30_000, [1, 2 ** 31 - 1]),
  };
}

export function readOtlpProtocol(host: Environment, signal: 'METRICS' | 'TRACES'): OtlpProtocol {
  const own = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`;
  const name = host[own] ? own : 'OTEL_EXPORTER_OTLP_PROTOCOL';
  return oneOf(host[name] || 'http/protobuf', name, protocols);
}

/** Whether somebody said where to, or the exporters try the usual place on this machine. */
export function hasOtlpEndpoint(host: Environment): boolean {
  return Object.entries(host).some(([name, value]) => value && /^OTEL_EXPORTER_OTLP_([A-Z]+_)?ENDPOINT$/.test(name));
}

function readExporters<T extends string>(host: Environment, name: string, known: readonly T[], standard: string): T[] {
  const names = (host[name]?.trim() || standard).split(',').map((word) => word.trim());
  const named = names.filter((word) => word !== '').map((word) => oneOf<T | 'none'>(word, name, [...known, 'none']));
  return named.filter((word): word is T => word !== 'none');
}

function oneOf<T extends string>(value: string, name: string, known: readonly T[]): T {
  const found = known.find((word) => word === value);
  if (found !== undefined) return found;
  throw new CodedError('invalid_request', `${name} "${value}" is none of ${known.join(', ')}.`);
}

function readNumber(host: Environment, name: string, standard: number, [min, max]: [number, number]): number {
  const text = host[name]?.trim() || String(standard);
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new CodedError('invalid_request', `${name} "${text}" is not a number from ${min} to ${max}.`);
}
