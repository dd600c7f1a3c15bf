import type { ExecutionId } from '../../protocol/ids.ts';
import { extendLeases, renewLeases } from '../store/leases.ts';
import { afterNow, nowOf, type RunContext } from './context.ts';
import type { Seat } from './seat.ts';
import type { Seats } from './seats.ts';
import type { RunSettings } from './settings.ts';
import type { LeasedInstance } from './transition.ts';

/** Renewals of each lease: one that comes late, or is lost with a server, costs nothing. */
const renewalsPerLease = 3;

/**
 * Renews the leases of daemons that say who they are, which are heard of over whatever they send: one write for all of
 * them in a period, none for those that have no task. That a connection ends is written nowhere: only silence counts.
 */
export class Leases {
  readonly #context: RunContext;
  readonly #seats: Seats;
  /** When workers were heard of last whose connection has ended since. */
  readonly #left = new Map<ExecutionId, number>();
  #renewedAt = -Infinity;

  constructor(context: RunContext, seats: Seats) {
    this.#context = context;
    this.#seats = seats;
  }

  /** The seat's connection has ended; its last words count. */
  left(seat: Seat): void {
    for (const executionId of seat.tasks.values()) this.#left.set(executionId, seat.connection.lastSeenAt());
  }

  async renewWhenDue(): Promise<void> {
    const { db, clock, settings } = this.#context;
    const now = clock.now();
    if (now < this.#renewedAt + settings.lease / renewalsPerLease) return;
    const heard = this.#heardSince(this.#renewedAt);
    if (heard.size > 0) await renewLeases(db, heard, settings);
    for (const id of heard.keys()) this.#left.delete(id);
    this.#renewedAt = now;
  }

  /** Nobody listened for a while. */
  async extend(): Promise<void> {
    await extendLeases(this.#context.db, nowOf(this.#context), this.#context.settings);
  }

  #heardSince(time: number): Map<ExecutionId, number> {
    const heard = new Map(this.#left);
    for (const [executionId, { instanceId, connection }] of this.#seats.held()) {
      if (instanceId !== undefined && connection.lastSeenAt() >= time) heard.set(executionId, connection.lastSeenAt());
    }
    return heard;
  }
}

/** What an offer to this seat is leased for; undefined for a stock daemon, whose lease is its connection. */
export function leaseFor(context: RunContext, { instanceId }: Seat): LeasedInstance | undefined {
  if (instanceId === undefined) return undefined;
  const { lease, lostAfter, retryAfter } = context.settings;
  return {
    id: instanceId,
    leaseUntil: afterNow(context, lease),
    lostAt: afterNow(context, lostAfter),
    fenced: { afterSeconds: fenceAfter(context.settings), lostAt: afterNow(context, retryAfter) },
  };
}

/** For a worker to end a task and to begin its teardown, in milliseconds; half of the time where that is short. */
const fenceMargin = 30_000;

/** In seconds: how long a worker may be without contact before it ends a task that may be attempted elsewhere. */
function fenceAfter({ retryAfter }: RunSettings): number {
  return Math.max(1, Math.floor((retryAfter - Math.min(fenceMargin, retryAfter / 2)) / 1_000));
}
