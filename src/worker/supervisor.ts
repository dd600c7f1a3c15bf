import type { Logger } from '../common/logger.ts';
import type { RunId } from '../protocol/ids.ts';
import type { Assignment, ExecutionIds, TaskMessage } from '../protocol/worker-link.ts';
import type { Backend, Task, TaskOutcome } from './backends/backend.ts';
import type { ConsoleHub } from './console/console-hub.ts';
import { terminalMessage, TaskEnd } from './terminal-message.ts';

/**
 * Decides which tasks this worker takes, and says exactly once how each has ended: after its teardown, and after its
 * console has been delivered. At a shutdown it says so at once, because nobody may be there to listen later.
 */
export interface Supervisor {
  assign(assignment: Assignment): void;
  /** Ends a task early. One that is not here gets no answer. */
  cancel(taskId: RunId): void;
  /** What it has at this moment. */
  executions(): ExecutionIds[];
  /** Takes nothing more and ends what runs; resolves when all of it is over. */
  shutDown(): Promise<void>;
}

export interface SupervisorOptions {
  workerId: string;
  maxConcurrentTasks: number;
  backend: Backend;
  console: ConsoleHub;
  /** How long a task's console may take after its end, in milliseconds. */
  consoleLimit: number;
  send(message: TaskMessage): void;
  log: Logger;
}

interface OwnedTask {
  readonly assignment: Assignment;
  /** Decides the task's early end; its reason is a `TaskEnd`. */
  readonly end: AbortController;
  /** Resolves when nothing of the task is left here. */
  over: Promise<void>;
  /** As soon as it is certain. */
  outcome?: TaskOutcome;
  isEndSaid: boolean;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const owned = new Map<RunId, OwnedTask>();
  let isStopping = false;

  return {
    assign(assignment) {
      const refusal = whyNot(assignment);
      if (refusal === undefined) take(assignment);
      else reject(assignment, refusal);
    },
    cancel(taskId) {
      owned.get(taskId)?.end.abort(new TaskEnd('cancelled'));
    },
    executions: () =>
      [...owned.values()].flatMap(({ assignment: { task_id, execution_id } }) =>
        execution_id === undefined ? [] : [{ task_id, execution_id }],
      ),
    async shutDown() {
      isStopping = true;
      const tasks = [...owned.values()];
      for (const task of tasks) {
        task.end.abort(new TaskEnd('shutdown'));
        // One that was being cancelled before ends by that name, as soon as it has.
        if (reasonOf(task)?.kind === 'shutdown') sayEnd(task);
      }
      await Promise.all(tasks.map(({ over }) => over));
    },
  };

  function whyNot({ task_id, task }: Assignment): string | undefined {
    if (task.id !== task_id) return `The task that came with ${task_id} has another id.`;
    if (isStopping) return 'This worker is shutting down.';
    if (owned.has(task_id)) return 'This worker still has this task.';
    if (owned.size >= options.maxConcurrentTasks) return `This worker is full: it runs ${owned.size} tasks.`;
    return undefined;
  }

  function reject(assignment: Assignment, reason: string): void {
    options.log.info({ task_id: assignment.task_id }, `Task rejected: ${reason}`);
    options.send({ type: 'task_rejected', data: { ...idsOf(assignment), reason } });
  }

  function take(assignment: Assignment): void {
    options.send({ type: 'task_claimed', data: { ...idsOf(assignment), worker_id: options.workerId } });
    const task = { assignment, end: new AbortController(), over: Promise.resolve(), isEndSaid: false };
    owned.set(assignment.task_id, task);
    task.over = carryOut(task);
    options.log.info({ task_id: assignment.task_id }, 'Task claimed');
  }

  async function carryOut(task: OwnedTask): Promise<void> {
    const console = options.console.open(task.assignment);
    const onOutcome = (outcome: TaskOutcome) => void (task.outcome = outcome);
    task.outcome = await execute({ assignment: task.assignment, signal: task.end.signal, console, onOutcome });
    await console.finish(options.consoleLimit);
    owned.delete(task.assignment.task_id);
    sayEnd(task);
  }

  async function execute(task: Task): Promise<TaskOutcome> {
    try {
      return await options.backend.execute(task);
    } catch (err) {
      options.log.error({ task_id: task.assignment.task_id, err }, 'The backend failed');
      return { kind: 'failed', reason: 'unknown', message: `The worker failed: ${(err as Error).message}.` };
    }
  }

  function sayEnd(task: OwnedTask): void {
    if (task.isEndSaid) return;
    task.isEndSaid = true;
    const message = terminalMessage(idsOf(task.assignment), task.outcome ?? { kind: 'ended' }, reasonOf(task));
    options.log.info({ task_id: task.assignment.task_id, type: message.type }, message.data.message);
    options.send(message);
  }
}

function reasonOf({ end }: OwnedTask): TaskEnd | undefined {
  return end.signal.aborted ? (end.signal.reason as TaskEnd) : undefined;
}

function idsOf({ task_id, execution_id }: Assignment) {
  return execution_id === undefined ? { task_id } : { task_id, execution_id };
}
