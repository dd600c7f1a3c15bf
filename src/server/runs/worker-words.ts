import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import { isLiveExecution, isTerminal, type ExecutionState } from '../../protocol/states.ts';
import type { WorkerMessage } from '../../protocol/worker-link.ts';
import { findExecution, runsNotAccepted, type RunAndExecution } from '../store/executions.ts';
import { storable } from '../store/json.ts';
import { cancelTask } from './cancellations.ts';
import { afterNow, settle, type RunContext } from './context.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Seen } from './last-seen.ts';
import { outcomeByWorker, type WorkerEnd } from './outcome-by-worker.ts';
import { retryOr } from './retry.ts';
import type { Seat } from './seat.ts';
import type { Seats } from './seats.ts';
import type { ExecutionFacts, Transition } from './transition.ts';
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
  if (!whose?.own) return endUnowned(seat, data, whose);
  const { id } = whose.seen.execution;
  if (!hasAnother(seat, data.task_id, id)) parts.seats.hold(seat, data.task_id, id);
  const { execution } = await settle(parts.context, again(parts, whose.seen), (seen) => claim(parts.context, seen));
  const isLive = isLiveExecution(execution.state);
  if (!isLive && !hasAnother(seat, data.task_id, id)) seat.overdue.add(data.task_id);
  // A cancel that was sent before the claim may have found nothing to cancel.
  if (execution.end_intent !== null || !isLive) cancelTask(seat, data.task_id, id);
}

/** A stock daemon's word about what it was never offered may be meant for another server; ours names what it means. */
function endUnowned(seat: Seat, { task_id, execution_id }: AboutTask, whose: Whose | undefined): void {
  if (whose !== undefined || seat.instanceId !== undefined) cancelTask(seat, task_id, execution_id);
}

/** What is repeated of an old execution says nothing of the one that the daemon has of the run now. */
function hasAnother(seat: Seat, runId: RunId, executionId: ExecutionId): boolean {
  const held = seat.tasks.get(runId);
  return seat.instanceId !== undefined && held !== undefined && held !== executionId;
}

function claim(context: RunContext, { run, execution }: Seen): Transition | undefined {
  if (execution.state !== 'offered') return undefined;
  const answer_by = execution.end_intent === null ? null : afterNow(context, context.settings.cancelTimeout);
  return { run, execution, runTo: 'CLAIMED', executionTo: 'claimed', executionFacts: { answer_by } };
}

/** The daemon has no room, and the seat waits too; or it never takes this run, and the seat is as it was. */
export async function hearRejection(parts: Parts, seat: Seat, data: DataOf<'task_rejected'>): Promise<void> {
  const whose = await heard(parts, seat, data);
  if (!whose?.own || hasAnother(seat, data.task_id, whose.seen.execution.id)) return;
  parts.context.log.info(
    { run: data.task_id, worker: seat.connection.workerId, reason: data.reason.slice(0, longestProblem) },
    'Offer rejected.',
  );
  const isForGood = data.code === 'not_accepted';
  if (isForGood) await refuse(parts, seat, data.task_id);
  else parts.dispatcher.full(seat);
  parts.seats.release(seat, data.task_id);
  await settle(parts.context, again(parts, whose.seen), (seen) =>
    seen.execution.state === 'offered' ? withdrawal(seen, isForGood ? 'not_accepted' : 'rejected') : undefined,
  );
}

/** Runs that a seat remembers to be refused, before it forgets those that wait no more. */
const mostRefused = 100;

async function refuse({ context }: Parts, seat: Seat, runId: RunId): Promise<void> {
  if (seat.refused.size >= mostRefused && seat.instanceId !== undefined) {
    const waiting = await runsNotAccepted(context.db, seat.instanceId);
    seat.refused.clear();
    for (const id of waiting) seat.refused.add(id);
  }
  seat.refused.add(runId);
}

/** What the daemon is doing with the task. */
export async function hearPhase(parts: Parts, seat: Seat, data: DataOf<'task_phase'>): Promise<void> {
  const whose = await heard(parts, seat, data);
  if (!whose?.own) return;
  if (data.phase === 'ending') seat.endsIdle(data.task_id);
  await settle(parts.context, again(parts, whose.seen), ({ run, execution }) =>
    phases[data.phase].includes(execution.state) ? { run, execution, executionTo: data.phase } : undefined,
  );
}

/** What comes before each. A word that comes late, or again, changes nothing. */
const phases: Record<DataOf<'task_phase'>['phase'], readonly ExecutionState[]> = {
  preparing: ['claimed'],
  ending: ['claimed', 'preparing', 'running', 'idle'],
};

/** The task is over on its daemon, which has room again. Its word about the run counts if the agent has given none. */
export async function hearEnd(parts: Parts, seat: Seat, end: WorkerEnd): Promise<void> {
  const whose = await heard(parts, seat, end.data);
  if (!whose?.own) return;
  // A stock daemon takes nothing more then: what it could not keep must not come straight back. Ours says that it drains.
  if (reasonOf(end).end_reason === 'graceful_shutdown' && seat.instanceId === undefined) seat.set({ open: false });
  await settleEnd(parts, whose.seen, end);
  const holder = parts.seats.holderOf(whose.seen.execution.id);
  const wasOverdue = holder?.overdue.has(end.data.task_id);
  if (holder) parts.seats.release(holder, end.data.task_id);
  parts.dispatcher.roomAgain(seat);
  if (wasOverdue) parts.dispatcher.reconsider(seat);
}

/** Whether a run is tried again depends on what has become of it: that is looked up, where it matters. */
async function settleEnd(parts: Parts, first: Whose['seen'], end: WorkerEnd): Promise<void> {
  const { context } = parts;
  if (!isLoss(end)) return void (await settle(context, again(parts, first), (seen) => endOf(seen, end)));
  const look = () => mustFind(context, first.execution.id);
  await settle(context, look, (seen) => {
    const over = endOf(seen, end);
    if (over?.runTo === undefined) return over;
    return { ...over, ...retryOr(outcomeByWorker(end, seen.execution), seen, context) };
  });
}

function isLoss(end: WorkerEnd): boolean {
  return end.type === 'task_failed' && ['graceful_shutdown', 'evicted'].includes(end.data.failure_reason ?? '');
}

function endOf({ run, execution }: Seen, end: WorkerEnd): Transition | undefined {
  if (!isLiveExecution(execution.state)) return undefined;
  const facts = factsOf(end);
  const warning = facts.teardown_problem !== undefined && { warning: facts.teardown_problem };
  const over = { run, execution, executionTo: 'ended', executionFacts: facts, ...warning } as const;
  if (isTerminal(run.state)) return over;
  const { state, status } = outcomeByWorker(end, execution);
  return { ...over, runTo: state, status };
}

/** In UTF-16 code units: whoever lists runs is shown it. */
const longestProblem = 2_000;
const largestInteger = 2_147_483_647;

function factsOf(end: WorkerEnd): ExecutionFacts {
  const problem = end.data.teardown_problem;
  return {
    ...reasonOf(end),
    ...(problem !== undefined && { teardown_problem: storable(problem.slice(0, longestProblem)) }),
  };
}

function reasonOf(end: WorkerEnd): ExecutionFacts {
  if (end.type === 'task_completed') {
    return { end_reason: end.data.task_state === 'RELEASED' ? 'released' : 'completed', exit_code: 0 };
  }
  const code = end.data.exit_code;
  const isStorable = code !== undefined && Math.abs(code) <= largestInteger;
  return { end_reason: end.data.failure_reason ?? 'unknown', exit_code: isStorable ? code : null };
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
    const look = seen ?? (await mustFind(context, first.execution.id));
    seen = undefined;
    return look;
  };
}

async function mustFind({ db }: RunContext, id: ExecutionId): Promise<RunAndExecution> {
  const seen = await findExecution(db, id);
  if (seen === undefined) throw new Error(`Execution ${id} is gone.`);
  return seen;
}
