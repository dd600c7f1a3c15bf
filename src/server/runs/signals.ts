import type { ExecutionId, RunId } from '../../protocol/ids.ts';

/** What a committed transition makes others look at. A missed signal loses nothing: a slow poll stands behind each. */
export interface Signals {
  queued(queue: QueueName): void;
  onQueued(listener: (queue: QueueName) => void): void;
  tellWorker(executionId: ExecutionId): void;
  onTellWorker(listener: (executionId: ExecutionId) => void): void;
  idle(runId: RunId, executionId: ExecutionId): void;
  onIdle(listener: (runId: RunId, executionId: ExecutionId) => void): void;
}

/** The runs of a team that wait for one host, or, with '', for any worker. */
export interface QueueName {
  teamId: string;
  host: string;
}

export function createSignals(): Signals {
  const queued = new Set<(queue: QueueName) => void>();
  const told = new Set<(executionId: ExecutionId) => void>();
  const idle = new Set<(runId: RunId, executionId: ExecutionId) => void>();
  return {
    queued: (queue) => queued.forEach((listener) => listener(queue)),
    onQueued: (listener) => void queued.add(listener),
    tellWorker: (executionId) => told.forEach((listener) => listener(executionId)),
    onTellWorker: (listener) => void told.add(listener),
    idle: (runId, executionId) => idle.forEach((listener) => listener(runId, executionId)),
    onIdle: (listener) => void idle.add(listener),
  };
}
