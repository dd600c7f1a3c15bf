import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { endTree } from '../../../process/end-tree.ts';
import type { RecordedProcess } from '../../../process/recorded-process.ts';
import { startRecorded } from '../../../process/start-recorded.ts';
import type { ConsoleStream } from '../../../protocol/streams.ts';
import { findWorkspace } from '../../workspace/find-workspace.ts';
import { placeAt } from '../../workspace/place.ts';
import type { DirectTask } from './direct-task.ts';
import { exceededBy, watchStage, type Ended, type Limit } from './limits.ts';
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
  const running = task.processes.get(stream) ?? (await start(task, stream, command));
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
export function recordOf(task: DirectTask, stream: ConsoleStream): { record: string; output: string } {
  const record = recordAt(task, stream, task.records.get(stream) ?? 1);
  return { record, output: `${record}.log` };
}

function recordAt({ place }: DirectTask, stream: ConsoleStream, number: number): string {
  return join(place.state, `${stream}.${number}`);
}

/** What is hidden in a command's output: the same in every life of the daemon, or offsets would come to differ. */
function secretsOf({ state }: DirectTask, stream: ConsoleStream): readonly string[] {
  return stream === 'setup' ? state.secrets : [...state.secrets, ...state.secretsOfSetup];
}

/** The same for every daemon that has the task; the next execution of its run has another. */
export function containmentName({ assignment }: DirectTask): string {
  return `oz-${assignment.execution_id ?? assignment.task_id}`;
}

async function start(
  task: DirectTask,
  stream: ConsoleStream,
  command: () => StageCommand | Promise<StageCommand>,
): Promise<RecordedProcess> {
  await followWorkspace(task);
  const stage = await command();
  // A record that was closed before its command began is of no use any more.
  const number = (task.records.get(stream) ?? 0) + 1;
  mkdirSync(recordAt(task, stream, number), { mode: 0o700 });
  task.records.set(stream, number);
  const { record, output } = recordOf(task, stream);
  const entrance = task.isolation.enter(stream, stage.environment);
  const recorded = { ...stage, ...entrance, directory: task.place.workspace, output, record };
  const started = await startRecorded(recorded, task.containment, task.tools);
  task.processes.set(stream, started);
  await show(task, stream, output);
  return started;
}

/** What has taken its place is another daemon's. */
async function followWorkspace(task: DirectTask): Promise<void> {
  const { place, state } = task;
  if (state.workspaceInode === undefined) return;
  const workspace = await findWorkspace(place.workspace, state.workspaceInode);
  if (workspace === undefined) throw new Error(`the workspace ${place.workspace} is gone`);
  if (workspace !== place.workspace) task.place = placeAt(workspace, place.isShared, place.state);
}

/** A command whose output cannot be shown runs all the same. */
export async function show(task: DirectTask, stream: ConsoleStream, output: string): Promise<void> {
  try {
    await task.console.open(stream, output, secretsOf(task, stream));
  } catch (err) {
    task.log.warn({ err }, `What the ${stream} command writes cannot be shown`);
  }
}

async function follow(
  task: DirectTask,
  stream: ConsoleStream,
  { exited }: RecordedProcess,
  signal: AbortSignal,
): Promise<Ended> {
  let met: Limit | undefined;
  const end = () => void endEarly(task);
  const stopWatching = watchStage(task, stream, recordOf(task, stream).output, (limit) => {
    met ??= limit;
    end();
  });
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    const exit = await exited;
    return { exit, met: met ?? (exit.code === 0 ? undefined : await exceededBy(task, stream)) };
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
  // Nobody has left a real containment. Another daemon of this host may run the next execution of the same run, which has
  // another key.
  const markers = containment.kind === 'environment' ? taskMarkers(place, assignment.task_id) : [];
  const { grace, hurry } = settings;
  const key = assignment.env_vars?.['WARP_API_KEY'];
  const owner = key === undefined ? undefined : { name: 'WARP_API_KEY', value: key };
  const survivors = await endTree([...processes.values()], containment, { grace, hurry, markers, owner }, tools);
  if (survivors.length > 0) log.warn({ pids: survivors }, 'Processes of a task could not be ended');
}
