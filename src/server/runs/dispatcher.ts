import { randomUUID } from 'node:crypto';
import type { ExecutionId } from '../../protocol/ids.ts';
import { findExecution } from '../store/executions.ts';
import { queueLengths } from '../store/queue.ts';
import { assignmentOf } from './assignment.ts';
import { afterNow, nowOf, settle, type RunContext } from './context.ts';
import { askToLeave } from './idle.ts';
import { leaseFor } from './leases.ts';
import type { Seat } from './seat.ts';
import type { Seats } from './seats.ts';
import type { QueueName } from './signals.ts';
import { offerOldest, type OfferedRun } from './transition.ts';
import { withdrawal } from './withdraw.ts';

/** Between looks at all queues, for what no signal told of; in milliseconds. */
const pollPeriod = 5_000;
/** How long a seat that rejected an offer counts as full if it says nothing more; in milliseconds. */
const fullFor = 30_000;
/** And one that let an offer pass: it may hang, or not have understood that one; in milliseconds. */
const silentFor = 120_000;
/** Statements of offers that are under way at the same time: enough for the database to share its commits' fsync. */
const mostAtOnce = 16;
/**
 * And of one queue, where a seat could have all that waits: what comes meanwhile goes into the next one together, which
 * costs little more than one run.
 */
const mostOfQueueAtOnce = 2;
/** Runs in one statement. */
const mostTogether = 16;

/**
 * What may be in a queue. `waiting` may be too high, which costs a look in vain, and is too low only until a poll.
 */
interface Queue extends QueueName {
  waiting: number;
  /** Nobody has counted: enough to look, and not to ask anybody to leave. */
  isGuess: boolean;
  /** Statements under way. */
  underWay: number;
  /** What waits was kept from the seats there were: another one may have it. */
  isKeptBack: boolean;
}

const dry = { waiting: 0, isGuess: false };
/** What stands for an unknown number of runs: a look in vain corrects it. */
const several = 64;

/**
 * Brings queued runs to seats with room: the oldest run first, the least loaded seat first. It works when something has
 * changed (a run was queued, a seat has come or has room again), and on a slow poll.
 */
export class Dispatcher {
  readonly #context: RunContext;
  readonly #seats: Seats;
  /** In the order of their turns. */
  readonly #queues = new Map<string, Queue>();
  /** Signals so far: tells whether one came while a look found nothing. */
  #arrivals = 0;
  readonly #offers = new Set<Promise<void>>();
  readonly #reopenings = new Map<Seat, () => void>();
  #cancelPoll: () => void = () => {};
  #polling: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(context: RunContext, seats: Seats) {
    this.#context = context;
    this.#seats = seats;
    context.signals.onQueued((queue) => this.#arrived(queue));
  }

  async start(): Promise<void> {
    await this.#tick();
  }

  /** Makes no more offers; those being made are finished. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelPoll();
    for (const cancel of this.#reopenings.values()) cancel();
    await Promise.allSettled([this.#polling, ...this.#offers]);
  }

  /** The daemon rejected an offer: no more of them until something tells that it may have room again. */
  full(seat: Seat): void {
    seat.set({ full: true, careful: seat.capacity === undefined });
    this.#askAgainAfter(fullFor, seat);
  }

  /** The daemon let an offer pass: no more of them until it speaks, or for a while. */
  silent(seat: Seat): void {
    seat.set({ silent: true });
    this.#askAgainAfter(silentFor, seat);
  }

  roomAgain(seat: Seat): void {
    seat.set({ full: false, silent: false });
    this.#reopenings.get(seat)?.();
    this.#reopenings.delete(seat);
    this.dispatchTo(seat);
  }

  /** A seat has come, or may be offered more: it may have what was kept from others. */
  dispatchTo({ connection: { teamId, workerId } }: Seat): void {
    for (const host of ['', workerId]) {
      const queue = this.#queues.get(queueKey({ teamId, host }));
      if (!queue?.isKeptBack) continue;
      queue.isGuess = queue.waiting < several;
      queue.waiting = Math.max(queue.waiting, several);
      queue.isKeptBack = false;
    }
    this.dispatch();
  }

  gone(seat: Seat): void {
    this.#reopenings.get(seat)?.();
    this.#reopenings.delete(seat);
  }

  /** A run that was kept from the seat may be offered to it again, if it still waits. */
  reconsider({ connection: { teamId, workerId } }: Seat): void {
    this.#arrived({ teamId, host: '' });
    this.#arrived({ teamId, host: workerId });
  }

  /** Begins as many offers as there are runs, seats with room, and leave; queue after queue, so that none starves. */
  dispatch(): void {
    for (const [key, queue] of this.#queues) {
      if (this.#stopped || this.#offers.size >= mostAtOnce) return;
      if (queue.waiting === 0) continue;
      const seat = this.#seats.leastLoaded(queue, new Set());
      if (seat === undefined) {
        if (!queue.isGuess) askToLeave(this.#seats, queue);
        continue;
      }
      const most = Math.min(queue.waiting, seat.offerable(), mostTogether);
      const share = this.#shareOf(seat, queue);
      // Where several seats share what waits, nothing is gained by gathering more of it.
      if (queue.underWay >= mostOfQueueAtOnce && share >= most) continue;
      // Put at the end, it has its next turn after all others, and in this very loop.
      this.#queues.delete(key);
      this.#queues.set(key, queue);
      const count = Math.min(most, share);
      queue.waiting -= count;
      this.#begin(queue, seat, count);
    }
  }

  /** How many runs it takes until the seat has more to do than the next one. */
  #shareOf(seat: Seat, queue: Queue): number {
    const next = this.#seats.leastLoaded(queue, new Set([seat]));
    return next === undefined ? Infinity : next.load - seat.load + 1;
  }

  #askAgainAfter(delay: number, seat: Seat): void {
    this.#reopenings.get(seat)?.();
    this.#reopenings.set(
      seat,
      this.#context.clock.after(delay, () => this.roomAgain(seat)),
    );
  }

  #arrived(name: QueueName): void {
    this.#queueOf(name).waiting += 1;
    this.#arrivals += 1;
    this.dispatch();
  }

  #begin(queue: Queue, seat: Seat, count: number): void {
    queue.underWay += 1;
    const offer = this.#serve(queue, seat, count)
      // The poll tries again: at once would be a busy loop while the database is away.
      .catch((error: unknown) => this.#context.log.error({ err: error }, 'A run could not be offered.'))
      .finally(() => {
        this.#offers.delete(offer);
        queue.underWay -= 1;
        this.dispatch();
      });
    this.#offers.add(offer);
  }

  /** Offers runs of the queue to the seat, or to the next one where this seat may not have what waits. */
  async #serve(queue: Queue, first: Seat, count: number): Promise<void> {
    const arrivals = this.#arrivals;
    const tried = new Set<Seat>();
    for (let seat: Seat | undefined = first; seat; seat = this.#seats.leastLoaded(queue, tried)) {
      tried.add(seat);
      const hadExceptions = seat.overdue.size + seat.refused.size > 0;
      const runs = await this.#offer(seat, Math.min(count, seat.offerable()));
      if (runs.length > 0) return this.#taken(queue, count, runs, seat);
      if (!hadExceptions) return this.#foundNothing(queue, count, arrivals);
    }
    queue.isKeptBack = true;
    // What else waits is kept from them as well, and would be looked for in vain, run by run.
    if (this.#arrivals === arrivals) Object.assign(queue, dry);
  }

  /** Runs that came meanwhile may be left over: whoever looked for them may have found those that were looked for here. */
  #foundNothing(queue: Queue, count: number, arrivals: number): void {
    if (this.#arrivals === arrivals) Object.assign(queue, dry);
    else queue.waiting += count;
  }

  /** The seat's worker may have been given older runs of its other queue; all in one statement are of one. */
  #taken(queue: Queue, count: number, runs: readonly OfferedRun[], seat: Seat): void {
    const from = this.#queueOf({ teamId: seat.connection.teamId, host: runs[0]?.worker_host ?? '' });
    queue.waiting += count;
    from.waiting = Math.max(0, from.waiting - runs.length);
  }

  async #offer(seat: Seat, count: number): Promise<OfferedRun[]> {
    const context = this.#context;
    const executions = Array.from({ length: count }, () => ({
      id: randomUUID() as ExecutionId,
      ...context.mintToken(),
    }));
    seat.reserve(count);
    try {
      const runs = await offerOldest(context.db, nowOf(context), {
        worker: seat.connection,
        executions: executions.map(({ id, hash }) => ({ id, tokenHash: hash })),
        answerBy: afterNow(context, context.settings.offerTimeout),
        timeLimitAt: afterNow(context, context.settings.runTimeLimit),
        except: [...seat.overdue, ...seat.refused],
        instance: leaseFor(context, seat),
        maxAttempts: context.settings.maxAttempts,
      });
      const tokens = new Map(executions.map(({ id, token }) => [id, token]));
      for (const run of runs) await this.#send(seat, run, tokens.get(run.execution_id) ?? '');
      return runs;
    } finally {
      seat.unreserve(count);
    }
  }

  async #send(seat: Seat, run: OfferedRun, token: string): Promise<void> {
    const executionId = run.execution_id;
    this.#context.lastSeen.offered({
      run: { id: run.id, fence: run.fence, state: 'PENDING' },
      execution: { id: executionId, state: 'offered', end_intent: null },
    });
    if (seat.flags.open) {
      this.#seats.hold(seat, run.id, executionId);
      seat.offered(run.id);
      seat.connection.send({ type: 'task_assignment', data: assignmentOf(run, executionId, token) });
    }
    this.#context.changes.announce(run.id);
    if (!seat.flags.open) await this.#takeBack(executionId);
  }

  async #takeBack(executionId: ExecutionId): Promise<void> {
    await settle(
      this.#context,
      () => findExecution(this.#context.db, executionId),
      (seen) => (seen?.execution.state === 'offered' ? withdrawal(seen, 'undeliverable') : undefined),
    );
  }

  async #tick(): Promise<void> {
    this.#polling = this.#poll();
    await this.#polling;
    if (!this.#stopped) this.#cancelPoll = this.#context.clock.after(pollPeriod, () => void this.#tick());
  }

  async #poll(): Promise<void> {
    try {
      const arrivals = this.#arrivals;
      const lengths = await queueLengths(this.#context.db);
      // Nothing has changed meanwhile: what was counted is all there is, and queues that have run dry are forgotten.
      if (this.#arrivals === arrivals && this.#offers.size === 0) this.#queues.clear();
      for (const { team_id, host, waiting } of lengths) {
        const queue = this.#queueOf({ teamId: team_id, host });
        queue.waiting = queue.isGuess ? waiting : Math.max(queue.waiting, waiting);
        queue.isGuess = false;
      }
      this.dispatch();
    } catch (error) {
      this.#context.log.error({ err: error }, 'The queues could not be read; they will be again in a moment.');
    }
  }

  #queueOf({ teamId, host }: QueueName): Queue {
    const key = queueKey({ teamId, host });
    const queue = this.#queues.get(key) ?? { teamId, host, ...dry, underWay: 0, isKeptBack: false };
    this.#queues.set(key, queue);
    return queue;
  }
}

function queueKey({ teamId, host }: QueueName): string {
  return `${teamId}/${host}`;
}
