import type { Meter } from '@opentelemetry/api';
import { version } from '../../common/version.ts';
import { failureReasons } from '../../protocol/worker-link.ts';
import { disconnectReasons, furtherFailures, rejectReasons, taskResults, type WorkerObserver } from '../observer.ts';
import type { WorkerIdentity } from './telemetry-part.ts';

/** From a second to half a day: in seconds, as agents' tasks take them. */
const durationBounds = [1, 5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200];
/** The one phase that this daemon knows; the stock catalogue keeps `assignment` and `cleanup` for later. */
const phase = 'backend';

/** The stock daemon's catalogue, name for name. Every series is there from the start, at 0. */
export function createInstruments(meter: Meter, worker: WorkerIdentity): WorkerObserver {
  const connected = meter.createGauge('oz_worker_connected', { description: 'Whether the link to the server is up' });
  const active = meter.createUpDownCounter('oz_worker_tasks_active', { description: 'Tasks that this worker has' });
  const maximum = meter.createGauge('oz_worker_tasks_max_concurrent', { description: 'Tasks at once; 0 is no limit' });
  const claimed = meter.createCounter('oz_worker_tasks_claimed_total', { description: 'Tasks taken' });
  const rejected = meter.createCounter('oz_worker_tasks_rejected_total', { description: 'Tasks not taken, by reason' });
  const completed = meter.createCounter('oz_worker_tasks_completed_total', { description: 'Tasks ended, by result' });
  const duration = meter.createHistogram('oz_worker_task_duration_seconds', {
    description: 'From the claim of a task to its end, teardown included',
    advice: { explicitBucketBoundaries: durationBounds },
  });
  const failures = meter.createCounter('oz_worker_task_failures_total', { description: 'What went wrong with tasks' });
  const reconnects = meter.createCounter('oz_worker_websocket_reconnects_total', {
    description: 'Dials that failed and links that ended',
  });
  const info = meter.createGauge('oz_worker_info', { description: 'Always 1; its labels say who this is' });

  connected.record(0);
  active.add(0);
  maximum.record(0);
  claimed.add(0);
  for (const reason of rejectReasons) rejected.add(0, { reason });
  for (const result of taskResults) completed.add(0, { result });
  for (const reason of [...failureReasons, ...furtherFailures]) failures.add(0, { phase, reason });
  for (const reason of disconnectReasons) reconnects.add(0, { reason });
  info.record(1, { version, backend: worker.backend, worker_id: worker.id });

  return {
    connected: () => connected.record(1),
    disconnected(reason) {
      connected.record(0);
      reconnects.add(1, { reason });
    },
    heard: () => undefined,
    capacity: ({ max_concurrent_tasks }) => maximum.record(max_concurrent_tasks ?? 0),
    taskClaimed() {
      claimed.add(1);
      active.add(1);
    },
    taskAdopted: () => active.add(1),
    taskRejected: (reason) => rejected.add(1, { reason }),
    stageStarted: () => undefined,
    stageEnded: () => undefined,
    taskEnded(_task, { result, seconds }) {
      active.add(-1);
      completed.add(1, { result });
      duration.record(seconds, { result });
    },
    failure: (reason) => failures.add(1, { phase, reason }),
  };
}
