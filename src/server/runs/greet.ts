import type { ExecutionId } from '../../protocol/ids.ts';
import { isLiveExecution } from '../../protocol/states.ts';
import type { Hello, Welcome } from '../../protocol/worker-link.ts';
import { executionsOfInstance, findExecution, runsNotAccepted, type RunAndExecution } from '../store/executions.ts';
import { takeOverLeases } from '../store/leases.ts';
import { storedConsoles, type StoredConsole } from '../store/stored-console.ts';
import { nowOf, settle } from './context.ts';
import { loseWorker } from './lose.ts';
import type { LinkParts } from './link-parts.ts';
import type { Seat, WorkerConnection } from './seat.ts';
import { withdrawal } from './withdraw.ts';

/**
 * A daemon that says who it is has come. What it names, it has: the executions that still live go on with it, over this
 * connection and no other; all else it is told to end. What it should have and does not name, it has lost.
 */
export async function greet(parts: LinkParts, connection: WorkerConnection, hello: Hello): Promise<Seat> {
  supersede(parts, connection, hello);
  const seat = parts.seats.add(connection, hello.instance_id);
  seat.announce(hello);
  try {
    const known = await takeOver(parts, seat, hello);
    parts.dispatcher.dispatchTo(seat);
    await parts.cancellations.deliverNamed(seat, known);
    return seat;
  } catch (error) {
    leave(parts, seat);
    throw error;
  }
}

/** Its connection has ended. Nothing is written: its leases run on. */
export function leave({ seats, dispatcher, leases }: LinkParts, seat: Seat): void {
  leases.left(seat);
  seats.remove(seat);
  dispatcher.gone(seat);
}

function supersede(parts: LinkParts, connection: WorkerConnection, { instance_id }: Hello): void {
  const older = parts.seats.ofInstance(connection, instance_id);
  if (older === undefined) return;
  leave(parts, older);
  older.connection.supersede();
}

/** Answers what is known of the executions that it names and of those that it has lost. */
async function takeOver(parts: LinkParts, seat: Seat, hello: Hello): Promise<RunAndExecution[]> {
  const { context, seats } = parts;
  const { connection } = seat;
  const named = new Set(hello.executions.map(({ execution_id }) => execution_id));
  const [known, refused, stored] = await Promise.all([
    executionsOfInstance(context.db, connection, hello.instance_id, [...named]),
    runsNotAccepted(context.db, hello.instance_id),
    named.size > 0 ? storedConsoles(context.db, [...named]) : new Map<ExecutionId, StoredConsole>(),
  ]);
  // An even newer connection has taken all of it over.
  if (!seats.isSeated(seat)) return [];
  for (const runId of refused) seat.refused.add(runId);
  const own = known.filter(({ execution }) => named.has(execution.id));
  const live = own.filter(({ execution }) => isLiveExecution(execution.state));
  holdAll(parts, seat, own);
  const ids = live.map(({ execution }) => execution.id);
  const daemon = { instanceId: hello.instance_id, keyId: connection.keyId };
  if (ids.length > 0) await takeOverLeases(context.db, ids, daemon, nowOf(context), context.settings);
  for (const seen of known) if (!named.has(seen.execution.id)) await takeFrom(parts, seen);
  const mayKnow = new Set(own.map(({ execution }) => execution.id));
  // Of executions that are another worker's it hears nothing, not even how much they wrote.
  const consoles = new Map([...stored].filter(([id]) => mayKnow.has(id)));
  connection.send({ type: 'welcome', data: welcome(hello, new Set(ids), consoles, context.settings.lease) });
  if (seats.isSeated(seat)) seat.set({ open: true });
  return known;
}

/** Those that are over first: where it names two executions of one run, the live one is what it has. */
function holdAll({ seats }: LinkParts, seat: Seat, own: readonly RunAndExecution[]): void {
  const isLive = ({ execution }: RunAndExecution) => isLiveExecution(execution.state);
  for (const { run, execution } of own.filter((seen) => !isLive(seen))) {
    seats.hold(seat, run.id, execution.id);
    // Until it says that it has ended it, the run must not be given to it anew.
    seat.overdue.add(run.id);
  }
  for (const { run, execution } of own.filter(isLive)) {
    seats.hold(seat, run.id, execution.id);
    if (execution.state === 'idle') seat.idles(run.id, execution.id);
  }
}

async function takeFrom({ context }: LinkParts, { execution: { id } }: RunAndExecution): Promise<void> {
  await settle(
    context,
    () => findExecution(context.db, id),
    (seen) => {
      if (seen === undefined || !isLiveExecution(seen.execution.state)) return undefined;
      if (seen.execution.state === 'offered') return withdrawal(seen, 'undeliverable');
      return loseWorker(seen, 'task_lost', context);
    },
  );
}

function welcome(
  { executions }: Hello,
  live: ReadonlySet<ExecutionId>,
  stored: ReadonlyMap<ExecutionId, StoredConsole>,
  lease: number,
): Welcome {
  return {
    lease_seconds: lease / 1_000,
    executions: executions.map(({ task_id, execution_id }) => ({
      task_id,
      execution_id,
      verdict: live.has(execution_id) ? 'continue' : 'end',
      console: stored.get(execution_id) ?? {},
    })),
  };
}
