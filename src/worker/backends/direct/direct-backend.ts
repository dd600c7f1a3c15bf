import { rm } from 'node:fs/promises';
import { secretValues } from '../../../common/secret-names.ts';
import { makePlace, type Place } from '../../workspace/place.ts';
import type { Backend, TaskFailure, TaskOutcome } from '../backend.ts';
import { runAgent, runSetup } from './agent-stages.ts';
import type { DirectSettings, DirectTask, DirectTools } from './direct-task.ts';
import { endProcesses } from './stage.ts';
import { runTeardown } from './teardown.ts';

/** Executes tasks as plain processes of this machine, each in a workspace of its own. */
export function createDirectBackend(settings: DirectSettings, tools: DirectTools): Backend {
  return {
    async execute(task) {
      if (task.signal.aborted) return { kind: 'ended' };
      let place: Place;
      try {
        place = await makePlace(task.assignment.task_id, settings.places, tools.clock);
      } catch (error) {
        return failure('workspace_setup', `The workspace could not be made: ${(error as Error).message}.`);
      }
      const secrets = secretValues({ API_KEY: settings.environment.apiKey });
      return live({
        ...task,
        place,
        settings,
        tools,
        started: [],
        ending: new Map(),
        secrets,
      });
    },
  };
}

/** From here on teardown runs, whatever happens. */
async function live(task: DirectTask): Promise<TaskOutcome> {
  try {
    return await prepareAndRun(task);
  } finally {
    await endProcesses(task);
    await rm(task.place.environmentFile, { force: true });
    await runTeardown(task);
    await removePlace(task);
  }
}

async function prepareAndRun(task: DirectTask): Promise<TaskOutcome> {
  const prepared = await runSetup(task);
  if (task.signal.aborted) return { kind: 'ended' };
  return 'kind' in prepared ? prepared : runAgent(task, prepared.variables);
}

/** A workspace that cannot be removed is no fault of the task. */
async function removePlace({ place, assignment, tools }: DirectTask): Promise<void> {
  try {
    await place.remove();
  } catch (error) {
    tools.log.warn({ task_id: assignment.task_id }, `The workspace could not be removed: ${(error as Error).message}`);
  }
}

function failure(reason: TaskFailure['reason'], message: string): TaskFailure {
  return { kind: 'failed', reason, message };
}
