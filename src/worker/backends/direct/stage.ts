import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { endTree } from '../../../process/end-tree.ts';
import type { RecordedProcess } from '../../../process/recorded-process.ts';
import { startRecorded } from '../../../process/start-recorded.ts';
import type { ConsoleStream } from '../../../protocol/streams.ts';
import type { DirectTask } from './direct-task.ts';
import { watchStage, type Ended, type Limit } from './limits.ts';
import { taskMarkers, type Variables } from './task-environment.ts';

export interface StageCommand {
  program: string;
  args: readonly string[];
  environment: Variables;
}

/**
 * Runs one of a task's three commands in its workspace, to its end, which the signal brings on. One that an earlier
 * daemon started is followed and not started again. Rejects when it cannot be started.
 */
export async function runStage(
  task: DirectTask,
  stream: ConsoleStream,
  signal: AbortSignal,
  command: () => StageCommand | Promise<StageCommand>,
): Promise<Ended> {
  const running = task.processes.get(stream) ?? (await start(task, stream, await command()));
  task.onStage(stream, 'started');
  const ended = await follow(task, stream, running, signal);
  const isFine = ended.met === undefined && ended.exit.code === 0;
  task.onStage(stream, 'ended', isFine ? undefined : `The ${stream} command did not end with 0`);
  return ended;
}

/**
 * Ends whatever the task's commands left running, with the same grace that a command of its own has. Joins an end that is
 * under way: a second SIGTERM would disturb those that are ending themselves.
 */
export function endProcesses(task: DirectTask): Promise<void> {
  task.ending ??= endNow(task).finally(() => (task.ending = undefined));
  return task.ending;
}

export function shellCommand(command: string): { program: string; args: string[] } {
  return { program: '/bin/sh', args: ['-c', command] };
}

/** Where the life of one of the task's commands is written down, and where its output goes. */
export function recordOf({ place, records }: DirectTask, stream: ConsoleStream): { record: string; output: string } {
  const record = join(place.state, `${stream}.${records.get(stream) ?? 1}`);
  return { record, output: `${record}.log` };
}

/** What is hidden in a command's output: the same in every life of the daemon, or offsets would come to differ. */
export function secretsOf({ state }: DirectTask, stream: ConsoleStream): readonly string[] {
  return stream === 'setup' ? state.secrets : [...state.secrets, ...state.secretsOfSetup];
}

/** The same for every daemon that has the task; the next execution of its run has another. */
export function containmentName({ assignment }: DirectTask): string {
  return `oz-${assignment.execution_id ?? assignment.task_id}`;
}

async function start(task: DirectTask, stream: ConsoleStream, stage: StageCommand): Promise<RecordedProcess> {
  // A record that was closed before its command began is of no use any more.
  task.records.set(stream, (task.records.get(stream) ?? 0) + 1);
  const { record, output } = recordOf(task, stream);
  await mkdir(record, { mode: 0o700 });
  const entrance = task.isolation.enter(stream, stage.environment);
  const command = { ...stage, ...entrance, directory: task.place.workspace, output, record };
  const started = await startRecorded(command, task.containment, task.tools);
  task.processes.set(stream, started);
  await task.console.open(stream, output, secretsOf(task, stream));
  return started;
}

async function follow(
  task: DirectTask,
  stream: ConsoleStream,
  { exited }: RecordedProcess,
  signal: AbortSignal,
): Promise<Ended> {
  let met: Limit | undefined;
  const end = () => void endEarly(task);
  const stopWatching = watchStage(task, recordOf(task, stream).output, (limit) => {
    met ??= limit;
    end();
  });
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    const exit = await exited;
    return { exit, met: met ?? (exit.code === 0 ? undefined : await task.containment.exceeded()) };
  } finally {
    stopWatching();
    signal.removeEventListener('abort', end);
  }
}

async function endEarly(task: DirectTask): Promise<void> {
  try {
    await endProcesses(task);
  } catch (err) {
    task.log.error({ err }, 'A task could not be ended');
  }
}

async function endNow({ place, assignment, settings, tools, processes, containment, log }: DirectTask): Promise<void> {
  // Nobody has left a real containment; and another daemon of this host may run the next execution of the same run.
  const markers = containment.kind === 'environment' ? taskMarkers(place, assignment.task_id) : [];
  const { grace, hurry } = settings;
  const survivors = await endTree([...processes.values()], containment, { grace, hurry, markers }, tools);
  if (survivors.length > 0) log.warn({ pids: survivors }, 'Processes of a task could not be ended');
}
