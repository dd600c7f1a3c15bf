import { tellAll } from '../observer.ts';
import type { Telemetry, TelemetryOptions } from './telemetry-part.ts';
import { hasOtlpEndpoint, readTelemetrySettings } from './settings.ts';

/**
 * How long the last export may take, in milliseconds. A collector that nobody named is on this machine and takes it at
 * once, if there is one at all.
 */
const farewell = { named: 1_000, usual: 50 };

/** The OpenTelemetry packages are loaded only where they have something to do. */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const settings = readTelemetrySettings(options.host);
  const { metrics, traces } = settings;
  const open = [
    ...(metrics.length > 0 ? [await (await import('./metrics.ts')).openMetrics(settings, options)] : []),
    ...(traces.length > 0 ? [(await import('./spans.ts')).openSpans(settings, options)] : []),
  ];
  return {
    observer: tellAll(open.map(({ observer }) => observer)),
    async close() {
      const { promise: timeOver, resolve } = Promise.withResolvers<void>();
      const cancel = options.clock.after(hasOtlpEndpoint(options.host) ? farewell.named : farewell.usual, resolve);
      // A receiver that is not there has been reported by then.
      const closed = Promise.allSettled(open.map((part) => part.close()));
      await Promise.race([closed, timeOver]);
      cancel();
    },
  };
}
