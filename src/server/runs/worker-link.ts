import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { Capacity, Hello, TaskMessage } from '../../protocol/worker-link.ts';
import { liveExecutionsOfWorker, type RunAndExecution } from '../store/executions.ts';
import { greet, leave } from './greet.ts';
import { awaitLateAnswers } from './late-answers.ts';
import type { LinkParts } from './link-parts.ts';
import { persist } from './persist.ts';
import { noteReachability } from './reachability.ts';
import type { Seat, WorkerConnection } from './seat.ts';
import { hearClaim, hearEnd, hearPhase, hearRejection } from './worker-words.ts';

/** One worker connection, as the gateway drives it: open it, hand over its messages one after the other, close it. */
export interface LinkedWorker {
  hear(message: TaskMessage): Promise<void>;
  /** It has more room, or less, or takes no more. */
  announce(capacity: Capacity): void;
  close(): Promise<void>;
}

export interface WorkerLink {
  /** Takes the worker's live executions over to this connection, tells it what it missed, and lets offers come. */
  open(connection: WorkerConnection): Promise<LinkedWorker>;
  /** The same for one that says who it is and what it has; it is sent its welcome. */
  greet(connection: WorkerConnection, hello: Hello): Promise<LinkedWorker>;
}

export function createWorkerLink(parts: LinkParts): WorkerLink {
  const { context, seats, dispatcher, cancellations } = parts;

  /** The daemon may have these from before: held on suspicion, until it says more. */
  async function takeOver(seat: Seat, executions: readonly RunAndExecution[]): Promise<void> {
    for (const { run, execution } of executions) {
      seats.hold(seat, run.id, execution.id);
      seat.adopted.add(run.id);
    }
    await noteReachability(context, seats, executions.map(idOf));
    await cancellations.deliverTo(seat, executions);
  }

  async function adopt(seat: Seat): Promise<void> {
    const executions = await liveExecutionsOfWorker(context.db, seat.connection);
    await takeOver(
      seat,
      executions.filter(({ execution }) => seats.holderOf(execution.id) === undefined),
    );
  }

  async function close(seat: Seat): Promise<void> {
    const held = new Map([...seat.tasks].map(([runId, executionId]) => [executionId, runId]));
    seats.remove(seat);
    dispatcher.gone(seat);
    if (held.size === 0) return;
    await persist(context, 'Handing a worker’s tasks to its newer connection', () => bequeath(seat, held));
    await noteReachability(context, seats, [...held.keys()]);
  }

  /** A daemon that has come back already, before its old connection was known to be dead, goes on with its tasks. */
  async function bequeath(seat: Seat, held: ReadonlyMap<ExecutionId, RunId>): Promise<void> {
    const heir = seats.heirsOf(seat).at(-1);
    const anyHeir = heir ?? seats.ofWorker(seat.connection).at(-1);
    if (anyHeir === undefined) return;
    const isInherited = ({ run, execution }: RunAndExecution) =>
      held.has(execution.id) &&
      seats.holderOf(execution.id) === undefined &&
      (heir !== undefined || seat.adopted.has(run.id));
    const executions = await liveExecutionsOfWorker(context.db, seat.connection);
    if (seats.isSeated(anyHeir)) await takeOver(anyHeir, executions.filter(isInherited));
  }

  return {
    async open(connection) {
      const seat = seats.add(connection);
      const stopWaiting = awaitLateAnswers(parts, seat, seats.unansweredBy(connection));
      try {
        await adopt(seat);
      } catch (error) {
        stopWaiting();
        await close(seat);
        throw error;
      }
      seat.set({ open: true });
      dispatcher.dispatchTo(seat);
      return {
        hear: (message) => hear(parts, seat, message),
        announce: () => context.log.debug({ worker: connection.workerId }, 'A stock daemon announced its room.'),
        close() {
          stopWaiting();
          return close(seat);
        },
      };
    },
    async greet(connection, hello) {
      const seat = await greet(parts, connection, hello);
      return {
        hear: (message) => hear(parts, seat, message),
        announce(capacity) {
          seat.announce(capacity);
          dispatcher.roomAgain(seat);
        },
        close: async () => leave(parts, seat),
      };
    },
  };
}

async function hear(parts: LinkParts, seat: Seat, message: TaskMessage): Promise<void> {
  seat.set({ silent: false });
  switch (message.type) {
    case 'task_claimed':
      await hearClaim(parts, seat, message.data);
      break;
    case 'task_rejected':
      await hearRejection(parts, seat, message.data);
      break;
    case 'task_phase':
      await hearPhase(parts, seat, message.data);
      break;
    case 'task_completed':
    case 'task_failed':
      await hearEnd(parts, seat, message);
  }
  parts.dispatcher.dispatchTo(seat);
}

function idOf({ execution }: RunAndExecution): ExecutionId {
  return execution.id;
}
