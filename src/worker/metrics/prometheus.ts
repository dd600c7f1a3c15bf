import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import { openHttpEndpoint } from '../../common/http-endpoint.ts';
import type { Logger } from '../../common/logger.ts';

/**
 * Serves `/metrics`. The exporter's own server stays unused: it cannot take a free port, and a taken one is no error to
 * whoever starts it.
 */
export async function openPrometheus(at: { host: string; port: number }, log: Logger): Promise<IMetricReader> {
  const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  const endpoint = await openHttpEndpoint('The Prometheus exporter', at, (request, response) => {
    if (request.url?.split('?', 1)[0] === '/metrics') exporter.getMetricsRequestHandler(request, response);
    else response.writeHead(404).end();
  });
  exporter.stopServer = () => endpoint.close();
  log.info(`Metrics are served at ${endpoint.url}/metrics`);
  return exporter;
}
