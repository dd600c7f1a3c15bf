import { readdir } from 'node:fs/promises';
import { isThere } from '../../../common/is-there.ts';
import { secretValues } from '../../../common/secret-names.ts';
import { adoptRecorded } from '../../../process/adopt-recorded.ts';
import { environmentContainment, type Containment } from '../../../process/containment.ts';
import { consoleStreams, type ConsoleStream } from '../../../protocol/streams.ts';
import { placeAt, planPlace } from '../../workspace/place.ts';
import type { Task } from '../backend.ts';
import { directStateSchema, type DirectState } from './direct-state.ts';
import type { DirectSettings, DirectTask, DirectTools } from './direct-task.ts';
import { containmentName, recordOf, show } from './stage.ts';
import { taskMarkers, taskVariables } from './task-environment.ts';

/** A new task, or one that an earlier daemon began, with its processes and its console as they are by now. */
export async function openTask(task: Task, settings: DirectSettings, tools: DirectTools): Promise<DirectTask> {
  const { saved } = task.memory;
  if (saved === undefined) return newTask(task, settings, tools);
  const state = directStateSchema.parse(saved);
  const place = placeAt(state.workspace, state.isShared, task.memory.folder);
  const direct: DirectTask = {
    ...task,
    place,
    settings,
    tools,
    isInherited: true,
    state,
    containment: environmentContainment,
    isolation: settings.isolation.reopen(place, state.isolation),
    processes: new Map(),
    records: new Map(),
    outcome: task.memory.outcome,
  };
  if (state.stage !== 'over') direct.containment = await reopenContainment(direct);
  const names = await readdir(task.memory.folder);
  for (const stream of consoleStreams) await adopt(direct, stream, names);
  return direct;
}

const noIsolation = { user: null };

function newTask(task: Task, settings: DirectSettings, tools: DirectTools): DirectTask {
  const { assignment, memory } = task;
  const place = planPlace(assignment.task_id, memory.folder, settings.places);
  const { host, apiKey, configured } = settings.environment;
  const variables = taskVariables(assignment, place, settings.environment);
  const state: DirectState = {
    stage: 'place',
    workspace: place.workspace,
    isShared: place.isShared,
    containment: environmentContainment.state,
    isolation: noIsolation,
    secrets: [
      ...secretValues({ ...host, API_KEY: apiKey }),
      ...secretValues({ ...variables, ...configured, WARP_API_KEY: assignment.env_vars?.['WARP_API_KEY'] }),
    ],
    secretsOfSetup: [],
  };
  return {
    ...task,
    place,
    settings,
    tools,
    isInherited: memory.isInherited,
    state,
    containment: environmentContainment,
    // Until it has a place.
    isolation: settings.isolation.reopen(place, noIsolation),
    processes: new Map(),
    records: new Map(),
  };
}

function reopenContainment(task: DirectTask): Promise<Containment> {
  const { containments } = task.tools;
  return containments.reopen(task.state.containment, containmentName(task), task.settings.limits);
}

async function adopt(task: DirectTask, stream: ConsoleStream, names: readonly string[]): Promise<void> {
  const count = names.filter((name) => new RegExp(`^${stream}\\.\\d+$`).test(name)).length;
  if (count === 0) return;
  task.records.set(stream, count);
  const { record, output } = recordOf(task, stream);
  const adopted = await adoptRecorded(record, taskMarkers(task.place, task.assignment.task_id), task.tools);
  if (adopted === undefined) return;
  task.processes.set(stream, adopted);
  if (await isThere(output)) await show(task, stream, output);
}
