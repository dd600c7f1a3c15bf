import type { ExecutionId, RunId } from '../protocol/ids.ts';
import type { Assignment, Capacity, ExecutionIds, Welcome } from '../protocol/worker-link.ts';
import { whyNotAccepted } from './accept.ts';
import type { AcceptSection } from './config/config-file.ts';
import type { TaskEndKind } from './journal/entry.ts';
import { garbageAge, type Journal } from './journal/journal.ts';
import type { TaskEntry } from './journal/task-entry.ts';
import type { RejectReason } from './observer.ts';
import { newEntry, OwnedTask, type TaskEnder, type TaskTools } from './owned-task.ts';
import { idsOf } from './terminal-message.ts';
import { watchWriting } from './watch-writing.ts';

/**
 * Decides which tasks this worker takes, and carries on those of the daemon before. What is taken is in the journal until
 * the server has heard how it ended, exactly once: after its teardown, and after its console has been delivered. At a
 * cancelling shutdown it says so at once, because nobody may be there to listen later.
 */
export interface Supervisor {
  assign(assignment: Assignment): void;
  /** Ends a task early. One that is not here gets no answer. */
  cancel(ids: Pick<Assignment, 'task_id' | 'execution_id'>): void;
  /** The agent waits for a follow-up, or has got one. */
  setIdle(ids: ExecutionIds, isIdle: boolean): void;
  /** Its slot is wanted; one that does not wait keeps it. */
  leaveIdle(ids: ExecutionIds): void;
  /** What the server says of what this daemon has. */
  welcome(welcome: Welcome): void;
  /** All that this daemon has, also what is being written down, and what has ended and not been acknowledged. */
  executions(): ExecutionIds[];
  capacity(): Capacity;
  /** How many tasks run. */
  running(): number;
  /** Takes nothing more; what runs, runs on. */
  refuse(): void;
  /** Takes nothing more; resolves when nothing is left, and lets go those that come to wait for a follow-up. */
  drain(): Promise<void>;
  /** Takes nothing more and ends what runs; resolves when all of it is over. */
  shutDown(): Promise<void>;
  /** Resolves when all that is left has been acknowledged. */
  settled(): Promise<void>;
  /** Of a daemon for one task: resolves when that is gone, with whether it went well. */
  readonly once: Promise<boolean>;
}

export interface SupervisorOptions extends TaskTools {
  maxConcurrentTasks: number;
  accept: AcceptSection;
  /** In milliseconds; undefined is no limit. */
  taskTimeout: number | undefined;
  /** Whether one task is all. */
  takesOne: boolean;
  journal: Journal;
  onCapacity(capacity: Capacity): void;
}

interface Refusal {
  reason: string;
  counted: RejectReason;
}

/** A task that is being written down; what ends it meanwhile ends it then. */
class ComingTask implements TaskEnder {
  readonly slot: number;
  readonly assignment: Assignment;
  ended: TaskEndKind | undefined;
  readonly #written = Promise.withResolvers<void>();
  /** Resolves when it is another one's, or nobody's. */
  readonly gone = this.#written.promise;
  readonly over = this.gone;
  readonly settle = this.#written.resolve;

  constructor(slot: number, assignment: Assignment) {
    this.slot = slot;
    this.assignment = assignment;
  }

  end(kind: TaskEndKind): void {
    this.ended ??= kind;
  }
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { journal, clock, log, observer } = options;
  /** By execution: dead daemons may have left two of one run. A stock server names none; there it is by run. */
  const tasks = new Map<ExecutionId | RunId, OwnedTask | ComingTask>();
  const once = Promise.withResolvers<boolean>();
  const writing = watchWriting(journal, clock, announce);
  let isRefusing = false;
  let isDraining = false;

  for (const entry of journal.inherited) inherit(entry);

  function inherit(entry: TaskEntry): void {
    const { assignment, overAt } = entry.get();
    const ids = idsOf(assignment);
    if (overAt !== undefined && clock.now() - overAt > garbageAge) {
      log.warn(ids, 'Nobody has taken the last word of a task for long: it is dropped');
      entry.remove().catch(reportFault);
      return;
    }
    log.info(ids, overAt === undefined ? 'Going on with a task' : 'A task has ended and is yet to be reported');
    observer.taskAdopted(ids);
    own(entry, true);
  }

  function own(entry: TaskEntry, isInherited: boolean): OwnedTask {
    const task = new OwnedTask(entry, options, isInherited);
    tasks.set(keyOf(entry.get().assignment), task);
    task.gone.then(() => forget(task), reportFault);
    announce();
    return task;
  }

  function forget({ entry: { assignment, outcome } }: OwnedTask): void {
    tasks.delete(keyOf(assignment));
    if (options.takesOne && tasks.size === 0) once.resolve(outcome?.kind === 'completed');
  }

  function reportFault(err: unknown): void {
    log.error({ err }, 'A task could not be carried to its end');
  }

  function running(): (OwnedTask | ComingTask)[] {
    return [...tasks.values()].filter((task) => task instanceof ComingTask || !task.isOver());
  }

  function has(taskId: RunId): boolean {
    return [...tasks.values()].some((task) => assignmentOf(task).task_id === taskId);
  }

  function owned(): OwnedTask[] {
    return [...tasks.values()].filter((task) => task instanceof OwnedTask);
  }

  /** The first task is the only one of a daemon for one. */
  function hasRefused(): boolean {
    return isRefusing || (options.takesOne && tasks.size > 0);
  }

  function whyNot(assignment: Assignment): Refusal | undefined {
    const notReady = (reason: string) => ({ reason, counted: 'not_ready' as const });
    const { task_id, task } = assignment;
    if (task.id !== task_id) return notReady(`The task that came with ${task_id} has another id.`);
    if (isRefusing) return notReady('This worker is shutting down.');
    if (has(task_id)) return notReady('This worker still has this task.');
    if (hasRefused()) return notReady('This worker takes one task, and has it.');
    const count = running().length;
    if (count >= options.maxConcurrentTasks) {
      return { reason: `This worker is full: it runs ${count} tasks.`, counted: 'at_capacity' };
    }
    const reason = whyNotAccepted(assignment, options.accept);
    return reason === undefined ? undefined : { reason, counted: 'not_accepted' };
  }

  function reject(assignment: Assignment, { reason, counted }: Refusal): void {
    const ids = idsOf(assignment);
    log.info(ids, `Task rejected: ${reason}`);
    observer.taskRejected(counted);
    const code = counted === 'not_accepted' ? 'not_accepted' : 'not_ready';
    void options.send({ type: 'task_rejected', data: { ...ids, reason, code } });
  }

  async function take(assignment: Assignment): Promise<void> {
    const coming = new ComingTask(freeSlot(), assignment);
    tasks.set(keyOf(assignment), coming);
    try {
      const entry = newEntry(assignment, coming.slot, clock.now(), options.taskTimeout);
      const written = await journal.create(entry);
      log.info(idsOf(assignment), 'Task claimed');
      observer.taskClaimed(idsOf(assignment));
      const task = own(written, false);
      if (coming.ended !== undefined) task.end(coming.ended);
    } catch (error) {
      tasks.delete(keyOf(assignment));
      const problem = writing.failed(error);
      reject(assignment, { reason: `This worker cannot write the task down: ${problem}.`, counted: 'not_ready' });
    } finally {
      coming.settle();
    }
  }

  function freeSlot(): number {
    const taken = new Set(running().map((task) => (task instanceof OwnedTask ? task.entry.slot : task.slot)));
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    return slot;
  }

  function find({ task_id, execution_id }: Pick<Assignment, 'task_id' | 'execution_id'>) {
    const found = [...tasks.values()].filter((task) => {
      const own = assignmentOf(task);
      return own.task_id === task_id && (execution_id === undefined || own.execution_id === execution_id);
    });
    // What a stock server speaks of is what it assigned last.
    return found.at(-1);
  }

  function findOwned(ids: ExecutionIds): OwnedTask | undefined {
    const task = find(ids);
    return task instanceof OwnedTask ? task : undefined;
  }

  function capacity(): Capacity {
    const most = options.takesOne ? 1 : options.maxConcurrentTasks;
    return {
      max_concurrent_tasks: Number.isFinite(most) ? most : null,
      draining: hasRefused(),
      problem: writing.problem(),
    };
  }

  function announce(): void {
    observer.capacity(capacity());
    options.onCapacity(capacity());
  }

  function refuse(): void {
    isRefusing = true;
    writing.stop();
    announce();
  }

  async function settled(): Promise<void> {
    while (tasks.size > 0) await Promise.all([...tasks.values()].map((task) => task.gone));
  }

  return {
    assign(assignment) {
      const refusal = whyNot(assignment);
      if (refusal === undefined) void take(assignment);
      else reject(assignment, refusal);
    },
    cancel: (ids) => find(ids)?.end('cancelled'),
    setIdle(ids, isIdle) {
      const task = findOwned(ids);
      task?.setIdle(isIdle);
      if (isIdle && isDraining) task?.end('released');
    },
    leaveIdle(ids) {
      const task = findOwned(ids);
      if (task?.entry.isIdle) task.end('released');
    },
    welcome({ executions }) {
      for (const { task_id, execution_id, verdict } of executions) {
        if (verdict === 'end') find({ task_id, execution_id })?.end('fenced');
      }
    },
    executions: () =>
      [...tasks.values()].flatMap((task) => {
        const { task_id, execution_id } = assignmentOf(task);
        // The server has room again for one whose end it has heard: it would wait for that in vain.
        const isEndSaid = task instanceof OwnedTask && task.entry.isEndSaid;
        return execution_id === undefined || isEndSaid ? [] : [{ task_id, execution_id }];
      }),
    capacity,
    running: () => running().length,
    refuse,
    async drain() {
      refuse();
      isDraining = true;
      for (const task of owned()) if (task.entry.isIdle) task.end('released');
      await settled();
    },
    async shutDown() {
      refuse();
      // Those that are being written down are ours in a moment.
      await Promise.all([...tasks.values()].filter((task) => task instanceof ComingTask).map((task) => task.gone));
      for (const task of owned()) task.end('shutdown');
      for (const task of owned()) {
        const { end, outcome, assignment } = task.entry;
        // Another attempt is to begin when this one has ended, and not before.
        const isFollowed = assignment.fence_after_seconds !== undefined;
        // One that was being cancelled before ends by that name, as soon as it has.
        if ((end === 'shutdown' && !isFollowed) || outcome !== undefined) void task.sayEnd();
      }
      await Promise.all(owned().map((task) => task.over));
    },
    settled,
    once: once.promise,
  };
}

function assignmentOf(task: OwnedTask | ComingTask): Assignment {
  return task instanceof OwnedTask ? task.entry.assignment : task.assignment;
}

function keyOf({ task_id, execution_id }: Assignment): ExecutionId | RunId {
  return execution_id ?? task_id;
}
