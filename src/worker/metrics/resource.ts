import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
  type Resource,
} from '@opentelemetry/resources';
import { version } from '../../common/version.ts';
import type { WorkerIdentity } from './telemetry-part.ts';

/** Who speaks; `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` have the last word. */
export function resourceOf(worker: WorkerIdentity): Resource {
  return defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': 'oz-agent-worker',
        'service.version': version,
        'worker.id': worker.id,
        'worker.backend': worker.backend,
      }),
    )
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }));
}
