import type { Cancellations } from './cancellations.ts';
import type { RunContext } from './context.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Leases } from './leases.ts';
import type { Seats } from './seats.ts';

/** What a worker's connection works with. */
export interface LinkParts {
  context: RunContext;
  seats: Seats;
  dispatcher: Dispatcher;
  cancellations: Cancellations;
  leases: Leases;
}
