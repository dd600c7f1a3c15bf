import type { ExecutionId } from '../../protocol/ids.ts';
import type { RunAndExecution, WorkerIdentity } from '../store/executions.ts';
import { deleteCancellations, pendingCancellations, type PendingCancellation } from '../store/outbox.ts';
import type { RunContext } from './context.ts';
import type { Seat, Seats } from './seats.ts';

/**
 * Tells workers to end tasks, from the outbox. A row goes once it has been sent; a connection may lose it on its way, so
 * that a worker which comes back is told again of everything that it should have ended.
 */
export function createCancellations(context: RunContext, seats: Seats) {
  const deliveries = new Set<Promise<void>>();
  context.signals.onTellWorker((executionId) => {
    const delivery = deliver(executionId).catch((error: unknown) =>
      context.log.error(
        { err: error, executionId },
        'A cancellation could not be delivered; a reconnect will try again.',
      ),
    );
    deliveries.add(delivery);
    void delivery.finally(() => deliveries.delete(delivery));
  });

  async function deliver(executionId: ExecutionId): Promise<void> {
    await sendAll(await pendingCancellations(context.db, { executionId }));
  }

  async function sendAll(pending: PendingCancellation[]): Promise<void> {
    const sent = pending.filter(send).map(({ id }) => id);
    if (sent.length > 0) await deleteCancellations(context.db, sent);
  }

  /** To the connection that has the task, or to each that may have it: one that has not ignores it. */
  function send({ execution_id, run_id, ...row }: PendingCancellation): boolean {
    const worker: WorkerIdentity = { teamId: row.team_id, workerId: row.worker_id, keyId: row.api_key_id };
    const holder = seats.holderOf(execution_id);
    const receivers = holder ? [holder, ...seats.heirsOf(holder)] : seats.ofWorker(worker);
    for (const seat of receivers) cancelTask(seat, run_id);
    return receivers.length > 0;
  }

  return {
    /** Resolves when nothing is being delivered. */
    async idle(): Promise<void> {
      await Promise.all(deliveries);
    },
    /** For a worker that has just come back, with the live executions that are now its. */
    async deliverTo(seat: Seat, executions: readonly RunAndExecution[]): Promise<void> {
      const asked = executions.filter(({ execution }) => execution.end_intent !== null);
      for (const { run } of asked) cancelTask(seat, run.id);
      await sendAll(await pendingCancellations(context.db, seat.connection));
    },
  };
}

export type Cancellations = ReturnType<typeof createCancellations>;

export function cancelTask(seat: Seat, runId: RunAndExecution['run']['id']): void {
  seat.connection.send({ type: 'task_cancellation', data: { task_id: runId } });
}
