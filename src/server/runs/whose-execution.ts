import { isLiveExecution } from '../../protocol/states.ts';
import type { RunId, ExecutionId } from '../../protocol/ids.ts';
import { findExecution, findExecutionsOfWorker, type RunAndExecution } from '../store/executions.ts';
import type { RunContext } from './context.ts';
import type { Seen } from './last-seen.ts';
import type { Seat } from './seat.ts';
import { mayReplace, type Seats } from './seats.ts';

/** Which of this worker's executions a message is about, and whether the speaker may be the daemon that has it. */
export interface Whose {
  seen: Seen;
  own: boolean;
}

/**
 * Finds the execution that a seat's message speaks of. A stock daemon names the task alone: it means what was offered on
 * its connection, or, on a new connection, what was offered to its worker id and key before. Undefined for a task that
 * this worker was never offered.
 */
export async function whoseExecution(
  context: RunContext,
  seats: Seats,
  seat: Seat,
  about: { task_id: RunId; execution_id?: ExecutionId | undefined },
): Promise<Whose | undefined> {
  const held = seat.tasks.get(about.task_id);
  const named = about.execution_id ?? held;
  const known = named !== undefined && named === held ? context.lastSeen.of(named) : undefined;
  if (known) return { seen: known, own: true };
  if (named !== undefined) return ofThisWorker(await findExecution(context.db, named), seat, about.task_id);
  const [newest, older] = await findExecutionsOfWorker(context.db, seat.connection, about.task_id);
  if (newest === undefined) return undefined;
  // A daemon speaks of what it was given alone: with one execution there is no doubt, whoever seems to hold it.
  const own = older === undefined || !isHeldByAnother(seats, seat, newest);
  return { seen: newest, own };
}

/** A daemon that says who it is goes on with its tasks under a new key. */
function ofThisWorker(
  seen: RunAndExecution | undefined,
  { connection, instanceId }: Seat,
  runId: RunId,
): Whose | undefined {
  if (seen === undefined || seen.run.id !== runId || seen.run.team_id !== connection.teamId) return undefined;
  const { worker_id, api_key_id } = seen.execution;
  const isKeyRight = instanceId !== undefined || api_key_id === connection.keyId;
  return worker_id === connection.workerId && isKeyRight ? { seen, own: true } : undefined;
}

/** A task that was adopted after a reconnect is held on suspicion only. */
function isHeldByAnother(seats: Seats, seat: Seat, { run, execution }: RunAndExecution): boolean {
  const holder = seats.holderOf(execution.id);
  if (!isLiveExecution(execution.state) || holder === undefined || holder === seat) return false;
  return !holder.adopted.has(run.id) && !mayReplace(seat, holder);
}
