import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { WorkerIdentity } from '../store/executions.ts';
import { ReadySeats } from './ready-seats.ts';
import { Seat, type WorkerConnection } from './seat.ts';
import type { QueueName } from './signals.ts';

/** The seats of a team, or of one worker id in it. */
interface Group {
  all: Set<Seat>;
  ready: ReadySeats;
}

interface Team extends Group {
  workers: Map<string, Group>;
}

/** Every seat of this server, and who holds which execution. */
export class Seats {
  readonly #teams = new Map<string, Team>();
  readonly #holders = new Map<ExecutionId, Seat>();
  readonly #instances = new Map<string, Seat>();
  /** Those that have an idle task. */
  readonly #idle = new Set<Seat>();
  /** What daemons left unanswered whose connection had ended, the daemons in the order of their first such offer. */
  readonly #unanswered = new Map<string, Set<RunId>>();

  /** `instanceId`: which daemon it is, for one that says so. */
  add(connection: WorkerConnection, instanceId?: string): Seat {
    const seat = new Seat(connection, instanceId, (changed) => this.#place(changed));
    for (const { all } of this.#groupsFor(seat)) all.add(seat);
    if (instanceId !== undefined) this.#instances.set(instanceKey(connection, instanceId), seat);
    return seat;
  }

  remove(seat: Seat): void {
    const { teamId, workerId } = seat.connection;
    const team = this.#teams.get(teamId);
    if (!team?.all.delete(seat)) return;
    const ofWorker = team.workers.get(workerId);
    ofWorker?.all.delete(seat);
    for (const group of [team, ofWorker]) group?.ready.remove(seat);
    if (ofWorker?.all.size === 0) team.workers.delete(workerId);
    if (team.all.size === 0) this.#teams.delete(teamId);
    for (const executionId of seat.tasks.values()) this.#holders.delete(executionId);
    this.#forgetInstance(seat);
    this.#idle.delete(seat);
    if (seat.instanceId === undefined) this.keepUnanswered(seat.connection, seat.overdue);
    seat.set({ open: false });
  }

  isSeated(seat: Seat): boolean {
    return this.#teams.get(seat.connection.teamId)?.all.has(seat) ?? false;
  }

  /**
   * The seat's daemon has the task; whoever was thought to have it has not. What came over a connection that is gone says
   * nothing of that: its daemon's next one may hold the task already.
   */
  hold(seat: Seat, runId: RunId, executionId: ExecutionId): void {
    if (!this.isSeated(seat)) return;
    const holder = this.#holders.get(executionId);
    if (holder !== undefined && holder !== seat) this.release(holder, runId);
    this.release(seat, runId);
    seat.take(runId, executionId);
    this.#holders.set(executionId, seat);
  }

  release(seat: Seat, runId: RunId): void {
    const executionId = seat.tasks.get(runId);
    // What is still heard of a connection that has been superseded takes nothing from its daemon's next one.
    if (executionId !== undefined && this.#holders.get(executionId) === seat) this.#holders.delete(executionId);
    seat.drop(runId);
  }

  holderOf(executionId: ExecutionId): Seat | undefined {
    return this.#holders.get(executionId);
  }

  /** Who holds what. */
  held(): Iterable<[ExecutionId, Seat]> {
    return this.#holders;
  }

  /** The seat of the daemon that named itself so. */
  ofInstance(worker: WorkerIdentity, instanceId: string): Seat | undefined {
    return this.#instances.get(instanceKey(worker, instanceId));
  }

  /** All seats that a queue's runs may go to. */
  of({ teamId, host }: QueueName): Iterable<Seat> {
    return this.#groupOf({ teamId, host })?.all ?? [];
  }

  /** All seats that may be one stock daemon's: who says no more of itself is known by worker id and key. */
  ofWorker({ teamId, workerId, keyId }: WorkerIdentity): Seat[] {
    const isLike = ({ connection, instanceId }: Seat) => connection.keyId === keyId && instanceId === undefined;
    return [...this.of({ teamId, host: workerId })].filter(isLike);
  }

  /**
   * Newer connections that the seat's daemon may have opened because this one is dead without the server knowing: it has
   * been silent since.
   */
  heirsOf(seat: Seat): Seat[] {
    if (seat.instanceId !== undefined) return [];
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
    return this.#groupOf(queue)?.ready.first(except);
  }

  /** Seats with an idle task that a queue's runs may go to. */
  *withIdle(queue: QueueName): Iterable<Seat> {
    const all = this.#groupOf(queue)?.all;
    for (const seat of this.#idle) if (all?.has(seat)) yield seat;
  }

  #groupOf({ teamId, host }: QueueName): Group | undefined {
    const team = this.#teams.get(teamId);
    return host === '' ? team : team?.workers.get(host);
  }

  #groupsFor({ connection: { teamId, workerId } }: Seat): Group[] {
    const team = this.#teams.get(teamId) ?? { ...newGroup(), workers: new Map<string, Group>() };
    this.#teams.set(teamId, team);
    const ofWorker = team.workers.get(workerId) ?? newGroup();
    team.workers.set(workerId, ofWorker);
    return [team, ofWorker];
  }

  /** A seat that is gone is in no group, and is put into none. */
  #place(seat: Seat): void {
    if (!this.isSeated(seat)) return;
    const { teamId, workerId } = seat.connection;
    if (seat.idle.size > 0) this.#idle.add(seat);
    else this.#idle.delete(seat);
    for (const host of ['', workerId]) this.#groupOf({ teamId, host })?.ready.place(seat);
  }

  /** Unless a newer connection of the same daemon has taken its place. */
  #forgetInstance(seat: Seat): void {
    if (seat.instanceId === undefined) return;
    const key = instanceKey(seat.connection, seat.instanceId);
    if (this.#instances.get(key) === seat) this.#instances.delete(key);
  }
}

/** Absent daemons of whom it is remembered what they left unanswered. */
const mostAbsentDaemons = 10_000;

export function mayReplace(newer: Seat, older: Seat): boolean {
  return newer.connection.openedAt > older.connection.lastSeenAt();
}

function newGroup(): Group {
  return { all: new Set(), ready: new ReadySeats() };
}

function keyOf({ teamId, workerId, keyId }: WorkerIdentity): string {
  return `${teamId}/${keyId}/${workerId}`;
}

function instanceKey({ teamId, workerId }: WorkerIdentity, instanceId: string): string {
  return `${teamId}/${workerId}/${instanceId}`;
}
