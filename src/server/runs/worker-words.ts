import { isLiveExecution, isTerminal } from '../../protocol/states.ts';
import type { WorkerMessage } from '../../protocol/worker-link.ts';
import { findExecution } from '../store/executions.ts';
import { cancelTask } from './cancellations.ts';
import { afterNow, settle, type RunContext } from './context.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Seen } from './last-seen.ts';
import { outcomeByWorker, type WorkerEnd } from './outcome-by-worker.ts';
import type { Seat, Seats } from './seats.ts';
import type { Transition } from './transition.ts';
import { whoseExecution, type Whose } from './whose-execution.ts';
import { withdrawal } from './withdraw.ts';

interface Parts {
  context: RunContext;
  seats: Seats;
  dispatcher: Dispatcher;
}
type AboutTask = Pick<DataOf<'task_claimed'>, 'task_id' | 'execution_id'>;
type DataOf<Type extends WorkerMessage['type']> = Extract<WorkerMessage, { type: Type }>['data'];

/** The daemon took the offer. If it came too late, the daemon is told to end the task: somebody else may have it. */
export async function hearClaim(parts: Parts, seat: Seat, data: DataOf<'task_claimed'>): Promise<void> {
  const whose = await heard(parts, seat, data);
  if (whose === undefined) return;
  if (!whose.own) return cancelTask(seat, data.task_id);
  parts.seats.hold(seat, data.task_id, whose.seen.execution.id);
  const { execution } = await settle(parts.context, again(parts, whose.seen), (seen) => claim(parts.context, seen));
  if (!isLiveExecution(execution.state)) seat.overdue.add(data.task_id);
  // A cancel that was sent before the claim may have found nothing to cancel.
  if (execution.end_intent !== null || !isLiveExecution(execution.state)) cancelTask(seat, data.task_id);
}

function claim(context: RunContext, { run, execution }: Seen): Transition | undefined {
  if (execution.state !== 'offered') return undefined;
  const answer_by = execution.end_intent === null ? null : afterNow(context, context.settings.cancelTimeout);
  return { run, execution, runTo: 'CLAIMED', executionTo: 'claimed', executionFacts: { answer_by } };
}

/** The daemon has no room: the run waits again, and the seat with it. */
export async function hearRejection(parts: Parts, seat: Seat, data: DataOf<'task_rejected'>): Promise<void> {
  const whose = await heard(parts, seat, data);
  if (!whose?.own) return;
  parts.context.log.info(
    { run: data.task_id, worker: seat.connection.workerId, reason: data.reason },
    'Offer rejected.',
  );
  parts.dispatcher.full(seat);
  parts.seats.release(seat, data.task_id);
  await settle(parts.context, again(parts, whose.seen), (seen) =>
    seen.execution.state === 'offered' ? withdrawal(seen, 'rejected') : undefined,
  );
}

/** The task is over on its daemon, which has room again. Its word about the run counts if the agent has given none. */
export async function hearEnd(parts: Parts, seat: Seat, end: WorkerEnd): Promise<void> {
  const whose = await heard(parts, seat, end.data);
  if (!whose?.own) return;
  await settle(parts.context, again(parts, whose.seen), (seen) => endOf(seen, end));
  const holder = parts.seats.holderOf(whose.seen.execution.id);
  const wasOverdue = holder?.overdue.has(end.data.task_id);
  if (holder) parts.seats.release(holder, end.data.task_id);
  parts.dispatcher.roomAgain(seat);
  if (wasOverdue) parts.dispatcher.reconsider(seat);
}

function endOf({ run, execution }: Seen, end: WorkerEnd): Transition | undefined {
  if (!isLiveExecution(execution.state)) return undefined;
  const over = { run, execution, executionTo: 'ended', executionFacts: factsOf(end) } as const;
  if (isTerminal(run.state)) return over;
  const { state, status } = outcomeByWorker(end, execution);
  return { ...over, runTo: state, status };
}

const largestInteger = 2_147_483_647;

function factsOf(end: WorkerEnd) {
  if (end.type === 'task_completed') return { end_reason: 'completed', exit_code: 0 };
  const code = end.data.exit_code;
  const storable = code !== undefined && Math.abs(code) <= largestInteger;
  return { end_reason: end.data.failure_reason ?? 'unknown', exit_code: storable ? code : null };
}

async function heard(parts: Parts, seat: Seat, data: AboutTask) {
  const whose = await whoseExecution(parts.context, parts.seats, seat, data);
  if (!whose?.own) {
    const { workerId } = seat.connection;
    parts.context.log.warn({ run: data.task_id, worker: workerId }, 'A worker spoke of a task that is not its own.');
  }
  return whose;
}

/** The first look has been made; later ones, after a lost race, read anew. */
function again({ context }: Parts, first: Whose['seen']): () => Promise<Seen> {
  let seen: Seen | undefined = first;
  return async () => {
    const look = seen ?? (await findExecution(context.db, first.execution.id));
    seen = undefined;
    if (look === undefined) throw new Error(`Execution ${first.execution.id} is gone.`);
    return look;
  };
}
