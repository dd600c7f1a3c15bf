import { ROOT_CONTEXT, SpanStatusCode, trace, type Span, type Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, ConsoleSpanExporter, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace';
import { noObserver, type TaskIds, type WorkerObserver } from '../observer.ts';
import { quiet } from './quiet-exporter.ts';
import { resourceOf } from './resource.ts';
import { hasOtlpEndpoint, readOtlpProtocol, type TelemetrySettings, type TracesExporter } from './settings.ts';
import type { Telemetry, TelemetryOptions } from './telemetry-part.ts';

export function openSpans(settings: TelemetrySettings, options: TelemetryOptions): Telemetry {
  const provider = new TracerProvider({
    resource: resourceOf(options.worker),
    spanProcessors: settings.traces.map((name) => new BatchSpanProcessor({ exporter: openExporter(name, options) })),
  });
  return {
    observer: observeTasks(provider.getTracer('oz-agent-worker')),
    close: () => provider.shutdown(),
  };
}

function openExporter(name: TracesExporter, { host, log }: TelemetryOptions): SpanExporter {
  if (name === 'console') return new ConsoleSpanExporter();
  const exporter = readOtlpProtocol(host, 'TRACES') === 'http/json' ? new JsonExporter() : new ProtobufExporter();
  return quiet(exporter, { what: 'Spans', isAskedFor: hasOtlpEndpoint(host), log });
}

interface TaskSpans {
  task: Span;
  stages: Map<string, Span>;
}

/** One trace a task: a span for all of it, and one within for each of its commands. */
function observeTasks(tracer: Tracer): WorkerObserver {
  const open = new Map<string, TaskSpans>();
  const begin = (task: TaskIds, isAdopted: boolean) => {
    const attributes = { 'task.id': task.task_id, 'execution.id': task.execution_id, 'task.adopted': isAdopted };
    open.set(keyOf(task), { task: tracer.startSpan('task', { attributes }, ROOT_CONTEXT), stages: new Map() });
  };
  return {
    ...noObserver,
    taskClaimed: (task) => begin(task, false),
    taskAdopted: (task) => begin(task, true),
    stageStarted(task, stage) {
      const spans = open.get(keyOf(task));
      if (spans === undefined) return;
      spans.stages.set(stage, tracer.startSpan(stage, {}, trace.setSpan(ROOT_CONTEXT, spans.task)));
    },
    stageEnded(task, stage, problem) {
      const span = open.get(keyOf(task))?.stages.get(stage);
      if (problem !== undefined) span?.setStatus({ code: SpanStatusCode.ERROR, message: problem });
      span?.end();
    },
    taskEnded(task, { result }) {
      const span = open.get(keyOf(task))?.task;
      open.delete(keyOf(task));
      span?.setAttribute('task.result', result);
      if (result === 'failed') span?.setStatus({ code: SpanStatusCode.ERROR });
      span?.end();
    },
  };
}

function keyOf({ task_id, execution_id }: TaskIds): string {
  return `${task_id} ${execution_id ?? ''}`;
}
