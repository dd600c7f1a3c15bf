import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import type { WorkerObserver } from '../observer.ts';

/** Metrics and spans, as the standard `OTEL_*` variables ask for them. */
export interface Telemetry {
  readonly observer: WorkerObserver;
  /** Exports what there is, as far as there is somebody to take it soon. */
  close(): Promise<void>;
}

export interface TelemetryOptions {
  /** The process's own environment. */
  host: Readonly<Record<string, string | undefined>>;
  worker: WorkerIdentity;
  clock: Clock;
  log: Logger;
}

export interface WorkerIdentity {
  id: string;
  backend: string;
}
