import type { WorkerSocket } from './worker-socket.ts';

/** The connections of one worker id. */
export interface ConnectedWorkers {
  team_id: string;
  worker_host: string;
  connection_count: number;
  /** When the first of them was made, and when any of them was heard of last; ISO 8601. */
  connected_at: string;
  last_seen_at: string;
}

export function connectedWorkers(sockets: Iterable<WorkerSocket>): ConnectedWorkers[] {
  const byWorker = Map.groupBy(sockets, ({ worker }) => `${worker.teamId}/${worker.workerId}`);
  return [...byWorker.values()].map((ofWorker) => ({
    team_id: ofWorker[0]?.worker.teamId ?? '',
    worker_host: ofWorker[0]?.worker.workerId ?? '',
    connection_count: ofWorker.length,
    connected_at: iso(Math.min(...ofWorker.map(({ connectedAt }) => connectedAt))),
    last_seen_at: iso(Math.max(...ofWorker.map(({ lastSeenAt }) => lastSeenAt()))),
  }));
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
