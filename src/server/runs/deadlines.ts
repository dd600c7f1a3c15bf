import type { RunId } from '../../protocol/ids.ts';
import { isLiveExecution } from '../../protocol/states.ts';
import { dueExecutions, findExecution, type RunAndExecution, type WorkerIdentity } from '../store/executions.ts';
import { isDatabaseDown } from '../store/database-down.ts';
import { deleteCancellationsBefore } from '../store/outbox.ts';
import { markAllUnreachable } from '../store/reachability.ts';
import { expiredRuns, type ExpiredRun } from '../store/runs.ts';
import { afterNow, commit, nowOf, settle, type RunContext } from './context.ts';
import { awaitLateAnswers } from './late-answers.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Leases } from './leases.ts';
import { loseUnanswered, loseWorker } from './lose.ts';
import { outcomeOfExpiry } from './outcome-by-worker.ts';
import type { Seat } from './seat.ts';
import type { Seats } from './seats.ts';
import type { Transition } from './transition.ts';
import { whyWaiting } from './why-waiting.ts';
import { withdrawal } from './withdraw.ts';

const second = 1_000;
/** Between two sweeps; in milliseconds. */
const sweepPeriod = second;
/** After a longer one the process was stopped, or the clock was set: nobody listened meanwhile. */
const longestPause = 10 * second;
const atOnce = 100;
/** After which a worker that never came back need not be told any more. */
const cancellationsKeptFor = 7 * 24 * 3600 * second;

/**
 * Acts on what is overdue: an offer without an answer, a request to end without one, a time limit, a worker that did not
 * come back, a run that waited too long. Each is one transition; what fails is tried again by the next sweep.
 */
export class Deadlines {
  readonly #context: RunContext;
  readonly #seats: Seats;
  readonly #dispatcher: Dispatcher;
  readonly #leases: Leases;
  #tickedAt: number;
  /** Nobody listened for a while, or nothing could be written: that was not the workers' silence. */
  #wasDeaf = false;
  #cancelTick: () => void = () => {};
  #sweeping: Promise<void> | undefined;
  #isSweepDue = false;
  #stopped = false;

  constructor(context: RunContext, seats: Seats, dispatcher: Dispatcher, leases: Leases) {
    this.#context = context;
    this.#seats = seats;
    this.#dispatcher = dispatcher;
    this.#leases = leases;
    this.#tickedAt = context.clock.now();
  }

  /** To be called before a worker can connect. */
  async start(): Promise<void> {
    const { db, settings } = this.#context;
    await markAllUnreachable(db, nowOf(this.#context), {
      lostAt: afterNow(this.#context, settings.lostAfter),
      answerBy: afterNow(this.#context, settings.offerTimeout),
    });
    await this.#leases.extend();
    await deleteCancellationsBefore(db, afterNow(this.#context, -cancellationsKeptFor));
    this.#tick();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick();
    await this.#sweeping;
  }

  #tick(): void {
    this.#cancelTick = this.#context.clock.after(sweepPeriod, () => this.#tick());
    const now = this.#context.clock.now();
    if (now - this.#tickedAt > longestPause) this.#wasDeaf = true;
    this.#tickedAt = now;
    this.#isSweepDue = true;
    this.#sweeping ??= this.#sweepWhileDue();
  }

  /** A sweep that takes longer than the period is followed by another at once, not accompanied by it. */
  async #sweepWhileDue(): Promise<void> {
    while (this.#isSweepDue && !this.#stopped) {
      this.#isSweepDue = false;
      try {
        await this.#sweep();
      } catch (error) {
        this.#wasDeaf = true;
        this.#context.log.error({ err: error }, 'A sweep over the deadlines failed.');
      }
    }
    this.#sweeping = undefined;
  }

  async #sweep(): Promise<void> {
    // Of the tick: while this waits, the process may be stopped, and all that passes then is not silence.
    const now = new Date(this.#tickedAt);
    await this.#renewLeases();
    for (const seen of await dueExecutions(this.#context.db, now, atOnce)) {
      await this.#apart(seen.run.id, () => this.#settle(seen, now));
    }
    const queuedBefore = afterNow(this.#context, -this.#context.settings.queueExpiry);
    for (const run of await expiredRuns(this.#context.db, queuedBefore, atOnce)) {
      await this.#apart(run.id, () => this.#expire(run));
    }
  }

  /** What is wrong with one run must not keep all others from their ends. */
  async #apart(runId: RunId, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (isDatabaseDown(error)) throw error;
      this.#context.log.error({ err: error, run: runId }, 'An overdue run could not be moved on.');
    }
  }

  /** Before anybody is given up. */
  async #renewLeases(): Promise<void> {
    const wasDeaf = this.#wasDeaf;
    this.#wasDeaf = false;
    if (wasDeaf) await this.#leases.extend();
    await this.#leases.renewWhenDue();
  }

  async #settle(due: RunAndExecution, now: Date): Promise<void> {
    const seat = due.execution.state === 'offered' ? this.#seats.holderOf(due.execution.id) : undefined;
    if (due.execution.state === 'offered') this.#blame(seat, due);
    const { execution } = await settle(
      this.#context,
      async () => (await findExecution(this.#context.db, due.execution.id)) ?? due,
      (seen) => stepAfter(seen, now, this.#context),
    );
    if (seat && execution.state !== 'offered') this.#absolve(seat, due.run.id, execution);
  }

  /**
   * The daemon let an offer pass: nothing more goes there until it speaks, and this task never does. To be said before
   * the run is queued again, or it would come straight back.
   */
  #blame(seat: Seat | undefined, { run, execution }: RunAndExecution): void {
    // A daemon that says who it is names what it has when it comes back.
    if (seat === undefined && execution.instance_id !== null) return;
    if (seat === undefined) return this.#seats.keepUnanswered(workerOf(run, execution), [run.id]);
    // Offered over an earlier connection: it may never have arrived, and an answer to it may be on its way.
    if (seat.adopted.has(run.id)) {
      this.#seats.release(seat, run.id);
      awaitLateAnswers({ context: this.#context, dispatcher: this.#dispatcher }, seat, new Set([run.id]));
      return;
    }
    // One that announces its room does not count what it does not know of.
    if (seat.instanceId !== undefined) this.#seats.release(seat, run.id);
    seat.answered(run.id);
    seat.overdue.add(run.id);
    this.#dispatcher.silent(seat);
  }

  /** It claimed the task at the last moment. */
  #absolve(seat: Seat, runId: RunId, { id, state }: RunAndExecution['execution']): void {
    if (isLiveExecution(state) && !seat.tasks.has(runId)) this.#seats.hold(seat, runId, id);
    seat.overdue.delete(runId);
    seat.set({ silent: false });
  }

  /** ERROR, not FAILED: that no worker had room is the platform's fault, and the run may be started again as it is. */
  async #expire(run: ExpiredRun): Promise<void> {
    const { state, status } = outcomeOfExpiry(whyWaiting(this.#seats, run));
    await commit(this.#context, { run, runTo: state, status });
  }
}

function workerOf(run: RunAndExecution['run'], execution: RunAndExecution['execution']): WorkerIdentity {
  return { teamId: run.team_id, workerId: execution.worker_id, keyId: execution.api_key_id };
}

/** What has to happen to an execution at this time; nothing when its deadlines have moved meanwhile. */
function stepAfter(seen: RunAndExecution, now: Date, context: RunContext): Transition | undefined {
  const { state, answer_by, lost_at, time_limit_at } = seen.execution;
  const isDue = (deadline: Date | null) => deadline !== null && deadline <= now;
  if (state === 'offered') return isDue(answer_by) || isDue(lost_at) ? withdrawal(seen, 'unanswered') : undefined;
  if (isDue(answer_by)) return loseUnanswered(seen);
  if (isDue(lost_at)) return loseWorker(seen, 'worker_lost', context);
  return isDue(time_limit_at) ? endByTimeLimit(seen, context) : undefined;
}

function endByTimeLimit({ run, execution }: RunAndExecution, context: RunContext): Transition {
  return {
    run,
    execution,
    event: 'run_time_limit_reached',
    executionFacts: {
      end_intent: execution.end_intent ?? 'time_limit',
      answer_by: execution.answer_by ?? afterNow(context, context.settings.cancelTimeout),
      time_limit_at: null,
    },
    tell: 'task_cancellation',
  };
}
