import type { Kysely } from 'kysely';
import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import type { Schema } from '../store/schema.ts';
import type { LastSeen } from './last-seen.ts';
import type { RunChanges } from './run-changes.ts';
import type { RunSettings } from './settings.ts';
import type { Signals } from './signals.ts';
import { transition, type Moved, type Transition } from './transition.ts';

/** What everything about runs works with. */
export interface RunContext {
  db: Kysely<Schema>;
  clock: Clock;
  log: Logger;
  changes: RunChanges;
  settings: RunSettings;
  signals: Signals;
  lastSeen: LastSeen;
  /** Aborted when the server stops and has waited long enough for the database. */
  givingUp: AbortSignal;
  /** A secret for one execution's agent, and what is stored of it. */
  mintToken(): { token: string; hash: Buffer };
}

/** Makes a transition and, once it is committed, lets everybody know whom it concerns. */
export async function commit(context: RunContext, move: Transition): Promise<Moved | undefined> {
  const moved = await transition(context.db, nowOf(context), move);
  if (moved === undefined) {
    if (move.execution) context.lastSeen.forget(move.execution.id);
    return undefined;
  }
  context.lastSeen.moved(move);
  context.changes.announce(move.run.id);
  if (move.runTo === 'QUEUED') context.signals.queued({ teamId: moved.team_id, host: moved.worker_host ?? '' });
  if (move.executionTo === 'idle' && move.execution) context.signals.idle(move.run.id, move.execution.id);
  if (move.tell && move.execution) context.signals.tellWorker(move.execution.id);
  return moved;
}

/** How often a decision is made anew before something must be wrong. */
const mostTries = 10;

/**
 * Looks, decides, and moves; again from the start when somebody else moved the run in between. A decision without a
 * transition ends it. Answers what it decided last on.
 */
export async function settle<Seen>(
  context: RunContext,
  look: () => Promise<Seen>,
  decide: (seen: Seen) => Transition | undefined,
): Promise<Seen> {
  for (let tries = 0; tries < mostTries; tries++) {
    const seen = await look();
    const move = decide(seen);
    if (move === undefined || (await commit(context, move))) return seen;
  }
  throw new Error(`A run was moved by others ${mostTries} times while one decision about it was made.`);
}

export function nowOf(context: { clock: Clock }): Date {
  return new Date(context.clock.now());
}

export function afterNow(context: { clock: Clock }, delay: number): Date {
  return new Date(context.clock.now() + delay);
}
