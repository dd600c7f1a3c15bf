import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { Assignment, TaskMessage } from '../protocol/worker-link.ts';
import type { Backend, TaskEnding } from './backends/backend.ts';
import type { ConsoleHub, OpenConsole } from './console/console-hub.ts';
import type { Entry, TaskEndKind } from './journal/entry.ts';
import type { TaskEntry } from './journal/task-entry.ts';
import type { TaskResult, WorkerObserver } from './observer.ts';
import { watchTime } from './task-watch.ts';
import { idsOf, terminalMessage } from './terminal-message.ts';

export interface TaskTools {
  workerId: string;
  backend: Backend;
  console: ConsoleHub;
  /** How long the server may take nothing of a task's console after its end, in milliseconds. */
  consoleLimit: number;
  /** Resolves when the server has acknowledged it. */
  send(message: TaskMessage): Promise<void>;
  /** When the server last said something, as far as anybody here knows. */
  lastContact(): number;
  /** Says for the agent what it could not say itself; resolves when there is nothing left to say. */
  deliverUnsent(entry: TaskEntry): Promise<void>;
  observer: WorkerObserver;
  clock: Clock;
  log: Logger;
}

/** In milliseconds. */
const fencedConsoleLimit = 5_000;

/** Ends a task early. The first reason stands; one that comes after the agent's own end is none. */
export interface TaskEnder {
  end(kind: TaskEndKind): void;
}

/**
 * Carries one task from its entry to the server's last acknowledgement, from wherever the entry stands:
 *
 * ```
 * (claim said) → backend → over → what the agent left, console → last word → acknowledged → entry removed
 * ```
 */
export class OwnedTask implements TaskEnder {
  readonly #entry: TaskEntry;
  readonly #tools: TaskTools;
  readonly #log: Logger;
  readonly #isInherited: boolean;
  readonly #end = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #saying: Promise<void> | undefined;

  /** Resolves when nothing is left of it but what must be said. */
  readonly over = this.#over.promise;
  /** Resolves when nothing at all is left of it. */
  readonly gone: Promise<void>;

  constructor(entry: TaskEntry, tools: TaskTools, isInherited: boolean) {
    this.#entry = entry;
    this.#tools = tools;
    this.#isInherited = isInherited;
    this.#log = tools.log.child(idsOf(entry.get().assignment));
    this.gone = this.#carryOut();
  }

  get entry(): Readonly<Entry> {
    return this.#entry.get();
  }

  isOver(): boolean {
    return this.entry.overAt !== undefined;
  }

  end(kind: TaskEndKind): void {
    const { end, outcome, isIdle } = this.entry;
    if (end !== undefined || outcome !== undefined) return;
    // An agent that waits for a follow-up has done its work.
    const reason = isIdle && (kind === 'timeout' || kind === 'shutdown') ? 'released' : kind;
    this.#log.info(`The task is ended: ${reason}`);
    // Written down before anything is done about it: its end must not be taken for the agent's own.
    void this.#entry.update({ end: reason }).then(() => this.#end.abort());
  }

  setIdle(isIdle: boolean): void {
    // The next daemon has to know it too, when the slot is asked for.
    void this.#entry.update({ isIdle });
  }

  /** Says how it ends before it has, because nobody may be there to say it later. */
  sayEnd(): Promise<void> {
    this.#saying ??= this.#sayEnd();
    return this.#saying;
  }

  async #carryOut(): Promise<void> {
    this.#sayClaim();
    const { assignment } = this.entry;
    const console = this.#tools.console.open(assignment);
    if (this.entry.end !== undefined) this.#end.abort();
    const stopWatching = this.isOver() ? () => undefined : this.#watchTime();
    const ending = await this.#execute(console);
    stopWatching();
    if (!this.isOver()) await this.#noteOver(ending);
    this.#over.resolve();
    await this.#tools.deliverUnsent(this.#entry);
    // Nobody asks for the console of a task that the server has given up, whose run may be wanted here again.
    await console.finish(this.entry.end === 'fenced' ? fencedConsoleLimit : this.#tools.consoleLimit);
    await this.sayEnd();
    await this.#forget();
  }

  /** The server has all of it: a folder that cannot be removed is left to the next daemon. */
  async #forget(): Promise<void> {
    try {
      await this.#entry.remove();
    } catch (err) {
      this.#log.warn({ err }, 'What the journal has of a task could not be removed');
    }
  }

  async #execute(console: OpenConsole): Promise<TaskEnding> {
    const { assignment, slot, backend, outcome } = this.entry;
    const { observer } = this.#tools;
    const ids = idsOf(assignment);
    try {
      return await this.#tools.backend.execute({
        assignment,
        slot,
        signal: this.#end.signal,
        console,
        memory: {
          folder: this.#entry.folder,
          isInherited: this.#isInherited,
          saved: backend,
          outcome,
          save: (state) => this.#entry.update({ backend: state }),
          makeRoom: () => this.#entry.makeRoom(),
        },
        log: this.#log,
        onOutcome: async (known) => {
          await this.#entry.update({ outcome: known });
          this.#sayPhase('ending');
        },
        onStage: (stage, change, problem) => {
          if (change === 'ended') return observer.stageEnded(ids, stage, problem);
          if (stage === 'setup') this.#sayPhase('preparing');
          observer.stageStarted(ids, stage);
        },
      });
    } catch (err) {
      this.#log.error({ err }, 'The backend failed');
      const message = `The worker failed: ${(err as Error).message}.`;
      return { outcome: this.entry.outcome ?? { kind: 'failed', reason: 'unknown', message } };
    }
  }

  async #noteOver({ outcome, teardownProblem }: TaskEnding): Promise<void> {
    const { clock, observer } = this.#tools;
    const overAt = clock.now();
    await this.#entry.update({ outcome, teardownProblem, overAt });
    const { assignment, claimedAt } = this.entry;
    observer.taskEnded(idsOf(assignment), { result: resultOf(this.entry), seconds: (overAt - claimedAt) / 1000 });
    const message = terminalMessage(this.entry);
    if (message.type === 'task_failed') observer.failure(message.data.failure_reason ?? 'unknown');
    if (teardownProblem !== undefined) observer.failure('teardown_command');
  }

  #sayClaim(): void {
    const { assignment, isClaimSaid, overAt } = this.entry;
    if (isClaimSaid || overAt !== undefined) return;
    const data = { ...idsOf(assignment), worker_id: this.#tools.workerId };
    void this.#tools.send({ type: 'task_claimed', data }).then(() => this.#entry.note({ isClaimSaid: true }));
  }

  #sayPhase(phase: 'preparing' | 'ending'): void {
    const { task_id, execution_id } = this.entry.assignment;
    // Only a server that speaks of executions knows of phases. One that never hears of this one misses nothing.
    if (execution_id !== undefined)
      void this.#tools.send({ type: 'task_phase', data: { task_id, execution_id, phase } });
  }

  async #sayEnd(): Promise<void> {
    if (this.entry.isEndSaid) return;
    const message = terminalMessage(this.entry);
    this.#log.info({ type: message.type }, message.data.message);
    await this.#tools.send(message);
    await this.#entry.update({ isEndSaid: true });
  }

  #watchTime(): () => void {
    const { deadline, assignment } = this.entry;
    const fence = assignment.fence_after_seconds;
    const limits = {
      deadline,
      fenceAfter: fence === undefined ? undefined : fence * 1000,
      isInherited: this.#isInherited,
      lastContact: () => this.#tools.lastContact(),
    };
    return watchTime(limits, (kind) => this.end(kind), this.#tools.clock);
  }
}

export function newEntry(assignment: Assignment, slot: number, now: number, taskTimeout: number | undefined): Entry {
  return {
    version: 1,
    assignment,
    slot,
    claimedAt: now,
    deadline: taskTimeout === undefined ? undefined : now + taskTimeout,
    isClaimSaid: false,
    isIdle: false,
    backend: undefined,
    isEndSaid: false,
  };
}

function resultOf({ outcome, end }: Readonly<Entry>): TaskResult {
  if (outcome?.kind === 'completed' || end === 'released') return 'succeeded';
  return outcome?.kind === 'ended' && end === 'cancelled' ? 'cancelled' : 'failed';
}
