import type { Logger } from '../../common/logger.ts';

/** Of an export; as OpenTelemetry's exporters give it to their callers. */
interface ExportResult {
  code: number;
  error?: Error;
}

interface Exporter<Items> {
  export(items: Items, done: (result: ExportResult) => void): void;
}

const success = 0;

/**
 * Logs the first export that fails, and then only when it works again: a worker without a collector is no news every
 * minute. Nobody asked for the collector of the usual place, so that its absence is no warning either.
 */
export function quiet<Items, E extends Exporter<Items>>(
  exporter: E & Exporter<Items>,
  options: { what: string; isAskedFor: boolean; log: Logger },
): E {
  let isFailing = false;
  const exportItems = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    exportItems(items, (result) => {
      note(result);
      done(result);
    });
  return exporter;

  function note({ code, error }: ExportResult): void {
    const { what, isAskedFor, log } = options;
    if (code === success && isFailing) log.info(`${what} are exported again`);
    if (code !== success && !isFailing) {
      log[isAskedFor ? 'warn' : 'debug'](`${what} cannot be exported: ${error?.message || 'no collector answers'}`);
    }
    isFailing = code !== success;
  }
}
