import { environmentContainment } from '../../../process/containment.ts';
import { endTree } from '../../../process/end-tree.ts';
import type { Exit } from '../../../process/exit.ts';
import { startProcess, type Command, type StartedProcess } from '../../../process/start-process.ts';
import type { ConsoleStream } from '../../../protocol/streams.ts';
import type { DirectTask } from './direct-task.ts';
import { taskMarkers, type Variables } from './task-environment.ts';

export interface Stage {
  stream: ConsoleStream;
  program: string;
  args: readonly string[];
  environment: Variables;
  /** Ends the command early. */
  signal: AbortSignal;
}

/** Runs one of a task's three commands in its workspace, to its end. Rejects when it cannot be started. */
export async function runStage(task: DirectTask, stage: Stage): Promise<Exit> {
  const started = await startProcess(commandOf(task, stage));
  task.started.push(started);
  await task.console.open(stage.stream, task.place.outputOf(stage.stream), task.secrets);
  const end = () => void endEarly(task, started);
  stage.signal.addEventListener('abort', end, { once: true });
  if (stage.signal.aborted) end();
  try {
    return await started.exited;
  } finally {
    stage.signal.removeEventListener('abort', end);
  }
}

/** Ends what the task's commands left running, with the same grace that a command of its own has. */
export async function endProcesses(task: DirectTask): Promise<void> {
  await Promise.all(task.started.map((started) => endOne(task, started)));
}

export function shellCommand(command: string): { program: string; args: string[] } {
  return { program: '/bin/sh', args: ['-c', command] };
}

function commandOf({ place }: DirectTask, { stream, program, args, environment }: Stage): Command {
  return { program, args, directory: place.workspace, environment, output: place.outputOf(stream) };
}

async function endEarly(task: DirectTask, started: StartedProcess): Promise<void> {
  try {
    await endOne(task, started);
  } catch (error) {
    task.tools.log.error({ task_id: task.assignment.task_id, err: error }, 'A task could not be ended');
  }
}

/** Joins an end that is under way: a second SIGTERM would disturb those that are ending themselves. */
function endOne(task: DirectTask, started: StartedProcess): Promise<void> {
  const underWay = task.ending.get(started);
  if (underWay !== undefined) return underWay;
  const end = endNow(task, started).finally(() => task.ending.delete(started));
  task.ending.set(started, end);
  return end;
}

async function endNow({ place, assignment, settings, tools }: DirectTask, started: StartedProcess): Promise<void> {
  const { grace, hurry } = settings;
  const markers = taskMarkers(place, assignment.task_id);
  const survivors = await endTree([started], environmentContainment, { grace, hurry, markers }, tools);
  if (survivors.length === 0) return;
  tools.log.warn({ task_id: assignment.task_id, pids: survivors }, 'Processes of a task could not be ended');
}
