import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { WorkerMessage } from '../../protocol/worker-link.ts';
import { liveExecutionsOfWorker, type RunAndExecution } from '../store/executions.ts';
import { markReachable, markUnreachable } from '../store/reachability.ts';
import type { Cancellations } from './cancellations.ts';
import { afterNow, nowOf, type RunContext } from './context.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Seat, Seats, WorkerConnection } from './seats.ts';
import { hearClaim, hearEnd, hearRejection } from './worker-words.ts';

/** What a worker says about tasks; its console is apart. */
export type TaskMessage = Exclude<WorkerMessage, { type: 'heartbeat' | 'console' }>;

/** One worker connection, as the gateway drives it: open it, hand over its messages one after the other, close it. */
export interface LinkedWorker {
  hear(message: TaskMessage): Promise<void>;
  close(): Promise<void>;
}

export interface WorkerLink {
  /** Takes the worker's live executions over to this connection, tells it what it missed, and lets offers come. */
  open(connection: WorkerConnection): Promise<LinkedWorker>;
}

/** For how long a new connection is not offered what an earlier one of its daemon left unanswered; in milliseconds. */
const lateAnswersWithin = 5_000;

interface Parts {
  context: RunContext;
  seats: Seats;
  dispatcher: Dispatcher;
  cancellations: Cancellations;
}

export function createWorkerLink(parts: Parts): WorkerLink {
  const { context, seats, dispatcher, cancellations } = parts;

  async function adopt(seat: Seat): Promise<void> {
    const executions = await liveExecutionsOfWorker(context.db, seat.connection);
    const orphans = executions.filter(({ execution }) => seats.holderOf(execution.id) === undefined);
    for (const { run, execution } of orphans) {
      seats.hold(seat, run.id, execution.id);
      seat.adopted.add(run.id);
    }
    if (orphans.length > 0) await markReachable(context.db, orphans.map(idOf));
    await cancellations.deliverTo(seat, orphans);
  }

  async function close(seat: Seat): Promise<void> {
    const held = [...seat.tasks.values()];
    seats.remove(seat);
    dispatcher.gone(seat);
    if (held.length === 0) return;
    await markUnreachable(context.db, held, nowOf(context), afterNow(context, context.settings.lostAfter));
  }

  return {
    async open(connection) {
      const seat = seats.add(connection);
      const stopWaiting = awaitLateAnswers(parts, seat);
      try {
        await adopt(seat);
      } catch (error) {
        stopWaiting();
        seats.remove(seat);
        throw error;
      }
      seat.open = true;
      dispatcher.dispatch();
      return {
        hear: (message) => hear(parts, seat, message),
        close() {
          stopWaiting();
          return close(seat);
        },
      };
    },
  };
}

async function hear(parts: Parts, seat: Seat, message: TaskMessage): Promise<void> {
  seat.silent = false;
  switch (message.type) {
    case 'task_claimed':
      await hearClaim(parts, seat, message.data);
      break;
    case 'task_rejected':
      await hearRejection(parts, seat, message.data);
      break;
    case 'task_completed':
    case 'task_failed':
      await hearEnd(parts, seat, message);
  }
  parts.dispatcher.dispatch();
}

/** A claim that an earlier connection could not send comes first on the next one; until then, no second offer of it. */
function awaitLateAnswers({ context, seats, dispatcher }: Parts, seat: Seat): () => void {
  const unanswered = seats.unansweredBy(seat.connection);
  for (const runId of unanswered) seat.overdue.add(runId);
  if (unanswered.size === 0) return () => {};
  return context.clock.after(lateAnswersWithin, () => {
    for (const runId of unanswered) forgetUnlessHeld(seat, runId);
    dispatcher.reconsider(seat);
  });
}

function forgetUnlessHeld(seat: Seat, runId: RunId): void {
  if (!seat.tasks.has(runId)) seat.overdue.delete(runId);
}

function idOf({ execution }: RunAndExecution): ExecutionId {
  return execution.id;
}
