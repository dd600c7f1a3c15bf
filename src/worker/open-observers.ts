import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { WorkerConfig } from './config/config.ts';
import { createHealth } from './health/health.ts';
import { openHealthEndpoint } from './health/health-endpoint.ts';
import { openTelemetry } from './metrics/telemetry.ts';
import { tellAll, type WorkerObserver } from './observer.ts';

export interface OpenObservers {
  readonly observer: WorkerObserver;
  /** Says what there is to say a last time, and closes the ports. */
  close(): Promise<void>;
}

export interface ObserverOptions {
  config: WorkerConfig;
  /** The process's own environment. */
  host: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  log: Logger;
}

/** Metrics, spans and health, as far as they are asked for. A port that is taken is an error. */
export async function openObservers({ config, host, clock, log }: ObserverOptions): Promise<OpenObservers> {
  const telemetry = await openTelemetry({ host, worker: { id: config.workerId, backend: 'direct' }, clock, log });
  if (config.health === undefined) return telemetry;
  const health = createHealth(clock);
  try {
    const endpoint = await openHealthEndpoint(health, config.health);
    log.info(`Health is served at ${endpoint.url}/livez and /readyz`);
    const close = async () => void (await Promise.all([endpoint.close(), telemetry.close()]));
    return { observer: tellAll([health.observer, telemetry.observer]), close };
  } catch (error) {
    await telemetry.close();
    throw error;
  }
}
