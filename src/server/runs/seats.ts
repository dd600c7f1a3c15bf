import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { ServerMessage } from '../../protocol/worker-link.ts';
import type { WorkerIdentity } from '../store/executions.ts';
import type { QueueName } from './signals.ts';

/** An open connection of a worker daemon, as the gateway hands it over. */
export interface WorkerConnection extends WorkerIdentity {
  /** Milliseconds since the epoch, as `lastSeenAt`. */
  openedAt: number;
  /** When anything came over it last. */
  lastSeenAt(): number;
  send(message: ServerMessage): void;
}

/**
 * A connection with what runs know of it. Whether it has room is learnt by offering: a stock daemon says nothing of its
 * capacity and rejects what is too much.
 *
 * ```
 * opening → open ⇄ full (it rejected) | silent (it let an offer pass) → gone
 * ```
 */
export interface Seat {
  readonly connection: WorkerConnection;
  /** Tasks offered over this connection that the daemon has not rejected or ended, and their executions. */
  readonly tasks: ReadonlyMap<RunId, ExecutionId>;
  /** Those of them whose offer waits for an answer. */
  readonly unanswered: Set<RunId>;
  /** Those of them whose offer was withdrawn unanswered: the daemon may yet run them. Never offered here again. */
  readonly overdue: Set<RunId>;
  /** Those of them that its worker was offered over an earlier connection; another daemon of its name may have them. */
  readonly adopted: Set<RunId>;
  /** Offers being made. */
  reserved: number;
  /** Rises with each offer made to any seat: ties go to the seat that was served longest ago. */
  lastServed: number;
  open: boolean;
  full: boolean;
  /** It has been full before: it is offered one run at a time, or each task that ends would bring a volley of rejections. */
  careful: boolean;
  silent: boolean;
}

/** Every seat of this server, and who holds which execution. */
export class Seats {
  readonly #teams = new Map<string, Map<string, Set<HeldSeat>>>();
  readonly #holders = new Map<ExecutionId, Seat>();
  /** What daemons left unanswered whose connection had ended, the daemons in the order of their first such offer. */
  readonly #unanswered = new Map<string, Set<RunId>>();
  #served = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(connection: WorkerConnection): Seat {
    const seat = newSeat(connection);
    const team = this.#teams.get(connection.teamId) ?? new Map<string, Set<HeldSeat>>();
    this.#teams.set(connection.teamId, team);
    team.set(connection.workerId, (team.get(connection.workerId) ?? new Set()).add(seat));
    this.#count += 1;
    return seat;
  }

  remove(seat: Seat): void {
    const { teamId, workerId } = seat.connection;
    const team = this.#teams.get(teamId);
    if (!team?.get(workerId)?.delete(seat as HeldSeat)) return;
    if (team.get(workerId)?.size === 0) team.delete(workerId);
    if (team.size === 0) this.#teams.delete(teamId);
    for (const executionId of seat.tasks.values()) this.#holders.delete(executionId);
    this.keepUnanswered(seat.connection, seat.overdue);
    seat.open = false;
    this.#count -= 1;
  }

  isSeated(seat: Seat): boolean {
    return this.ofWorker(seat.connection).includes(seat);
  }

  /** Keeps a place while an offer is being made. */
  reserve(seat: Seat): void {
    seat.reserved += 1;
    seat.lastServed = ++this.#served;
  }

  /** The seat's daemon has the task; whoever was thought to have it has not. */
  hold(seat: Seat, runId: RunId, executionId: ExecutionId): void {
    const holder = this.#holders.get(executionId);
    if (holder !== undefined && holder !== seat) this.release(holder, runId);
    this.release(seat, runId);
    (seat as HeldSeat).tasks.set(runId, executionId);
    this.#holders.set(executionId, seat);
  }

  release(seat: Seat, runId: RunId): void {
    const executionId = seat.tasks.get(runId);
    if (executionId !== undefined) this.#holders.delete(executionId);
    (seat as HeldSeat).tasks.delete(runId);
    seat.unanswered.delete(runId);
    seat.overdue.delete(runId);
    seat.adopted.delete(runId);
  }

  holderOf(executionId: ExecutionId): Seat | undefined {
    return this.#holders.get(executionId);
  }

  /** All seats that a queue's runs may go to. */
  *of({ teamId, host }: QueueName): Iterable<Seat> {
    const team = this.#teams.get(teamId);
    if (team === undefined) return;
    if (host !== '') yield* team.get(host) ?? [];
    else for (const seats of team.values()) yield* seats;
  }

  /** All seats that may be one daemon's: who says no more of itself is known by worker id and key. */
  ofWorker({ teamId, workerId, keyId }: WorkerIdentity): Seat[] {
    return [...this.of({ teamId, host: workerId })].filter(({ connection }) => connection.keyId === keyId);
  }

  /**
   * Newer connections that the seat's daemon may have opened because this one is dead without the server knowing: it has
   * been silent since.
   */
  heirsOf(seat: Seat): Seat[] {
    return this.ofWorker(seat.connection).filter((other) => mayReplace(other, seat));
  }

  /** Runs that other connections of a daemon, or of one like it, have left unanswered; the ended ones are told once. */
  unansweredBy(worker: WorkerIdentity): Set<RunId> {
    const left = this.#unanswered.get(keyOf(worker)) ?? [];
    this.#unanswered.delete(keyOf(worker));
    return new Set([...left, ...this.ofWorker(worker).flatMap((seat) => [...seat.overdue])]);
  }

  /** To be told to the next connection of this daemon, or of one like it. */
  keepUnanswered(worker: WorkerIdentity, runs: Iterable<RunId>): void {
    const left = this.#unanswered.get(keyOf(worker)) ?? [];
    const unanswered = new Set([...left, ...runs]);
    if (unanswered.size > 0) this.#unanswered.set(keyOf(worker), unanswered);
    // Many a daemon never comes back, under a name of its own.
    const [oldest] = this.#unanswered.keys();
    if (oldest !== undefined && this.#unanswered.size > mostAbsentDaemons) this.#unanswered.delete(oldest);
  }

  /** The seat of a queue with room that has least to do, but none of `except`. */
  leastLoaded(queue: QueueName, except: ReadonlySet<Seat>): Seat | undefined {
    let best: Seat | undefined;
    for (const seat of this.of(queue)) {
      if (isOfferable(seat) && !except.has(seat) && (best === undefined || isBefore(seat, best))) best = seat;
    }
    return best;
  }
}

/** Absent daemons of whom it is remembered what they left unanswered. */
const mostAbsentDaemons = 10_000;

interface HeldSeat extends Seat {
  readonly tasks: Map<RunId, ExecutionId>;
}

/** Whether it may be offered a run, now or as soon as it has answered. */
export function hasRoom(seat: Seat): boolean {
  return seat.open && !seat.full && !seat.silent;
}

/** Offers that a seat may leave unanswered: as many runs wait in vain where a daemon hangs. */
const mostUnanswered = 64;

function isOfferable(seat: Seat): boolean {
  return hasRoom(seat) && seat.reserved + seat.unanswered.size < (seat.careful ? 1 : mostUnanswered);
}

export function mayReplace(newer: Seat, older: Seat): boolean {
  return newer.connection.openedAt > older.connection.lastSeenAt();
}

function keyOf({ teamId, workerId, keyId }: WorkerIdentity): string {
  return `${teamId}/${keyId}/${workerId}`;
}

function newSeat(connection: WorkerConnection): HeldSeat {
  const tasks = new Map<RunId, ExecutionId>();
  const runs = { unanswered: new Set<RunId>(), overdue: new Set<RunId>(), adopted: new Set<RunId>() };
  const flags = { open: false, full: false, careful: false, silent: false };
  return { connection, tasks, ...runs, reserved: 0, lastServed: 0, ...flags };
}

function isBefore(a: Seat, b: Seat): boolean {
  return load(a) === load(b) ? a.lastServed < b.lastServed : load(a) < load(b);
}

function load(seat: Seat): number {
  return seat.tasks.size + seat.reserved;
}
