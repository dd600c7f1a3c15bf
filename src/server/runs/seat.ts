import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { Capacity, ServerMessage } from '../../protocol/worker-link.ts';
import type { WorkerIdentity } from '../store/executions.ts';

/** An open connection of a worker daemon, as the gateway hands it over. */
export interface WorkerConnection extends WorkerIdentity {
  /** Milliseconds since the epoch, as `lastSeenAt`. */
  openedAt: number;
  /** When anything came over it last. */
  lastSeenAt(): number;
  send(message: ServerMessage): void;
  /** Closes it: the daemon has opened another one. */
  supersede(): void;
}

interface Flags {
  /** Offers may go there. */
  open: boolean;
  full: boolean;
  /** It has been full before: it is offered one run at a time, or each task that ends would bring a volley of rejections. */
  careful: boolean;
  silent: boolean;
}

/** Offers that a seat may leave unanswered: as many runs wait in vain where a daemon hangs. */
const mostUnanswered = 64;

/**
 * A connection with what runs know of it. A daemon of the second protocol has announced its room; whether a stock one has
 * any is learnt by offering: it says nothing of its capacity and rejects what is too much.
 *
 * ```
 * opening → open ⇄ full (it rejected) | silent (it let an offer pass) → gone
 * ```
 */
export class Seat {
  readonly connection: WorkerConnection;
  /** Which daemon this is, over all its connections; undefined for a stock one. */
  readonly instanceId: string | undefined;
  /** Runs that it was offered over an earlier connection; another daemon of its name may have them. */
  readonly adopted = new Set<RunId>();
  /** Runs whose offer was withdrawn unanswered, or that it is to end: it may yet run them. Not offered here meanwhile. */
  readonly overdue = new Set<RunId>();
  /** Runs that it never takes. */
  readonly refused = new Set<RunId>();
  /** Of its tasks, those that wait for a follow-up, the longest first; and those of them that were asked to leave. */
  readonly idle = new Map<RunId, ExecutionId>();
  readonly leaving = new Set<RunId>();
  readonly #tasks = new Map<RunId, ExecutionId>();
  readonly #unanswered = new Set<RunId>();
  readonly #onChange: (seat: Seat) => void;
  #flags: Flags = { open: false, full: false, careful: false, silent: false };
  #capacity: Capacity | undefined;
  #reserved = 0;

  constructor(connection: WorkerConnection, instanceId: string | undefined, onChange: (seat: Seat) => void) {
    this.connection = connection;
    this.instanceId = instanceId;
    this.#onChange = onChange;
  }

  /** Tasks offered over this connection that the daemon has not rejected or ended, and their executions. */
  get tasks(): ReadonlyMap<RunId, ExecutionId> {
    return this.#tasks;
  }

  get flags(): Readonly<Flags> {
    return this.#flags;
  }

  /** As announced; undefined for a stock daemon. */
  get capacity(): Capacity | undefined {
    return this.#capacity;
  }

  /** Tasks and offers being made. */
  get load(): number {
    return this.#tasks.size + this.#reserved;
  }

  set(flags: Partial<Flags>): void {
    this.#flags = { ...this.#flags, ...flags };
    this.#onChange(this);
  }

  announce(capacity: Capacity): void {
    this.#capacity = capacity;
    this.#onChange(this);
  }

  /** Keeps places while offers are being made. */
  reserve(places: number): void {
    this.#reserved += places;
    this.#onChange(this);
  }

  unreserve(places: number): void {
    this.#reserved -= places;
    this.#onChange(this);
  }

  /** Its offer waits for an answer. */
  offered(runId: RunId): void {
    this.#unanswered.add(runId);
    this.#onChange(this);
  }

  answered(runId: RunId): void {
    this.#unanswered.delete(runId);
    this.#onChange(this);
  }

  /** To be called by `Seats` alone, which knows who holds what. */
  take(runId: RunId, executionId: ExecutionId): void {
    this.#tasks.set(runId, executionId);
    this.#onChange(this);
  }

  /** The same. */
  drop(runId: RunId): void {
    this.#tasks.delete(runId);
    this.#unanswered.delete(runId);
    for (const runs of [this.overdue, this.adopted, this.idle, this.leaving]) runs.delete(runId);
    this.#onChange(this);
  }

  /** The task waits for a follow-up. */
  idles(runId: RunId, executionId: ExecutionId): void {
    this.idle.set(runId, executionId);
    this.#onChange(this);
  }

  /** It no longer does: its agent has ended, or goes on. */
  endsIdle(runId: RunId): void {
    this.idle.delete(runId);
    this.leaving.delete(runId);
    this.#onChange(this);
  }

  /** Whether it may be offered a run, now or as soon as it has answered. */
  hasRoom(): boolean {
    const { open, full, silent } = this.#flags;
    return (
      open &&
      !full &&
      !silent &&
      !this.#capacity?.draining &&
      this.#capacity?.problem === undefined &&
      this.#places() > 0
    );
  }

  /** How many runs it may be offered now. */
  offerable(): number {
    if (!this.hasRoom()) return 0;
    const most = this.#flags.careful ? 1 : mostUnanswered;
    return Math.min(this.#places(), most - this.#reserved - this.#unanswered.size);
  }

  #places(): number {
    return (this.#capacity?.max_concurrent_tasks ?? Infinity) - this.load;
  }
}
