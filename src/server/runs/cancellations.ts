import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { RunAndExecution, WorkerIdentity } from '../store/executions.ts';
import { deleteCancellations, pendingCancellations, type PendingCancellation } from '../store/outbox.ts';
import type { RunContext } from './context.ts';
import { tellIdle } from './idle.ts';
import type { Seat } from './seat.ts';
import type { Seats } from './seats.ts';

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
    await sendAll(await pendingCancellations(context.db, { executionIds: [executionId] }));
  }

  async function sendAll(pending: PendingCancellation[]): Promise<void> {
    const sent = pending.filter(send).map(({ id }) => id);
    if (sent.length > 0) await deleteCancellations(context.db, sent);
  }

  function send(row: PendingCancellation): boolean {
    const receivers = receiversOf(row);
    for (const seat of receivers) cancelTask(seat, row.run_id, row.execution_id);
    return receivers.length > 0;
  }

  /** The connection that has the task, or each that may have it: one that has not ignores it. */
  function receiversOf({ execution_id, ...row }: PendingCancellation): Seat[] {
    const worker: WorkerIdentity = { teamId: row.team_id, workerId: row.worker_id, keyId: row.api_key_id };
    const holder = seats.holderOf(execution_id);
    // One that names what it has is told when it has been welcomed.
    if (row.instance_id !== null) return holder?.flags.open ? [holder] : [];
    return holder ? [holder, ...seats.heirsOf(holder)] : seats.ofWorker(worker);
  }

  return {
    /** Resolves when nothing is being delivered. */
    async idle(): Promise<void> {
      await Promise.all(deliveries);
    },
    /** For a worker that has just come back, with the live executions that are now its. */
    async deliverTo(seat: Seat, executions: readonly RunAndExecution[]): Promise<void> {
      const asked = executions.filter(({ execution }) => execution.end_intent !== null);
      for (const { run, execution } of asked) cancelTask(seat, run.id, execution.id);
      await sendAll(await pendingCancellations(context.db, seat.connection));
    },
    /** For one that has been welcomed and told which of these are over: what it was to be told of the others. */
    async deliverNamed(seat: Seat, executions: readonly RunAndExecution[]): Promise<void> {
      if (executions.length === 0) return;
      const own = executions.filter(({ run, execution }) => seat.tasks.get(run.id) === execution.id);
      for (const { run, execution } of own) {
        if (execution.end_intent !== null) cancelTask(seat, run.id, execution.id);
        if (seat.idle.has(run.id)) tellIdle(seat, run.id, execution.id);
      }
      const pending = await pendingCancellations(context.db, { executionIds: executions.map(idOf) });
      pending.forEach(send);
      if (pending.length > 0)
        await deleteCancellations(
          context.db,
          pending.map(({ id }) => id),
        );
    },
  };
}

export type Cancellations = ReturnType<typeof createCancellations>;

/** A stock daemon knows the task alone. */
export function cancelTask({ connection, instanceId }: Seat, runId: RunId, executionId: ExecutionId | undefined): void {
  const named = instanceId !== undefined && executionId !== undefined && { execution_id: executionId };
  connection.send({ type: 'task_cancellation', data: { task_id: runId, ...named } });
}

function idOf({ execution }: RunAndExecution): ExecutionId {
  return execution.id;
}
