import type { Seat } from './seat.ts';

/**
 * Seats that may be offered a run, by what they have to do: the least loaded is found without a look at all others. Of
 * those with the same load, the one comes first that has had it longest.
 */
export class ReadySeats {
  /** By load. An empty one stays: loads come again. */
  readonly #byLoad: Set<Seat>[] = [];
  readonly #placed = new Map<Seat, number>();

  /** Puts the seat where it belongs now. */
  place(seat: Seat): void {
    const load = seat.offerable() > 0 ? seat.load : undefined;
    const before = this.#placed.get(seat);
    if (load === before) return;
    this.remove(seat);
    if (load === undefined) return;
    while (this.#byLoad.length <= load) this.#byLoad.push(new Set());
    this.#byLoad[load]?.add(seat);
    this.#placed.set(seat, load);
  }

  remove(seat: Seat): void {
    const load = this.#placed.get(seat);
    if (load === undefined) return;
    this.#byLoad[load]?.delete(seat);
    this.#placed.delete(seat);
  }

  first(except: ReadonlySet<Seat>): Seat | undefined {
    for (const seats of this.#byLoad) for (const seat of seats) if (!except.has(seat)) return seat;
    return undefined;
  }
}
