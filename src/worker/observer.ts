import type { ExecutionId, RunId } from '../protocol/ids.ts';
import type { ConsoleStream } from '../protocol/streams.ts';
import type { Capacity, FailureReason } from '../protocol/worker-link.ts';

/**
 * Is told what happens in the daemon, for its metrics, spans and health; it changes nothing and never throws.
 *
 * The link says `connected`, `heard` and `disconnected`; the supervisor says the rest. Of a task:
 *
 * ```
 * taskClaimed | taskAdopted → (stageStarted → stageEnded)* → taskEnded
 * ```
 */
export interface WorkerObserver {
  /** The link is up: after `welcome`, or, with a stock server, as soon as the socket is open. */
  connected(): void;
  /** A dial failed, or a link that was up has ended. */
  disconnected(reason: DisconnectReason): void;
  /** Something real came from the server: a message or a pong. */
  heard(): void;
  /** What the daemon has room for, said at its start and whenever it changes. */
  capacity(capacity: Capacity): void;
  taskClaimed(task: TaskIds): void;
  /** An earlier daemon claimed it; this one goes on with it. */
  taskAdopted(task: TaskIds): void;
  taskRejected(reason: RejectReason): void;
  stageStarted(task: TaskIds, stage: ConsoleStream): void;
  /** `problem`: what went wrong, in words. */
  stageEnded(task: TaskIds, stage: ConsoleStream, problem?: string): void;
  /** It is over, its teardown included. */
  taskEnded(task: TaskIds, end: { result: TaskResult; seconds: number }): void;
  /** Something about a task failed; also what does not change its outcome, such as its teardown. */
  failure(reason: CountedFailure): void;
}

/** The labels of the metrics; docs/operate-a-worker.md explains them. */
export const disconnectReasons = ['dial_failed', 'remote_close'] as const;
export type DisconnectReason = (typeof disconnectReasons)[number];

export const rejectReasons = ['at_capacity', 'not_ready', 'not_accepted'] as const;
export type RejectReason = (typeof rejectReasons)[number];

/** `dispatched` is said of tasks that another program finishes. */
export const taskResults = ['succeeded', 'failed', 'cancelled', 'dispatched'] as const;
export type TaskResult = (typeof taskResults)[number];

export type CountedFailure = FailureReason | (typeof furtherFailures)[number];
export const furtherFailures = ['teardown_command', 'cancel_command', 'cleanup'] as const;

export interface TaskIds {
  readonly task_id: RunId;
  readonly execution_id?: ExecutionId | undefined;
}

const nothing = () => undefined;

export const noObserver: WorkerObserver = {
  connected: nothing,
  disconnected: nothing,
  heard: nothing,
  capacity: nothing,
  taskClaimed: nothing,
  taskAdopted: nothing,
  taskRejected: nothing,
  stageStarted: nothing,
  stageEnded: nothing,
  taskEnded: nothing,
  failure: nothing,
};

/** Tells each of them. */
export function tellAll(observers: readonly WorkerObserver[]): WorkerObserver {
  const all =
    <Arguments extends unknown[]>(tell: (observer: WorkerObserver, ...args: Arguments) => void) =>
    (...args: Arguments) =>
      observers.forEach((observer) => tell(observer, ...args));
  return {
    connected: all((observer) => observer.connected()),
    disconnected: all((observer, reason: DisconnectReason) => observer.disconnected(reason)),
    heard: all((observer) => observer.heard()),
    capacity: all((observer, capacity: Capacity) => observer.capacity(capacity)),
    taskClaimed: all((observer, task: TaskIds) => observer.taskClaimed(task)),
    taskAdopted: all((observer, task: TaskIds) => observer.taskAdopted(task)),
    taskRejected: all((observer, reason: RejectReason) => observer.taskRejected(reason)),
    stageStarted: all((observer, task: TaskIds, stage: ConsoleStream) => observer.stageStarted(task, stage)),
    stageEnded: all((observer, ...args: Parameters<WorkerObserver['stageEnded']>) => observer.stageEnded(...args)),
    taskEnded: all((observer, ...args: Parameters<WorkerObserver['taskEnded']>) => observer.taskEnded(...args)),
    failure: all((observer, reason: CountedFailure) => observer.failure(reason)),
  };
}
