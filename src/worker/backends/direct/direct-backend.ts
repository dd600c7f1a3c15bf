import { secretValues } from '../../../common/secret-names.ts';
import { makePlace, type Place } from '../../workspace/place.ts';
import { removeTree } from '../../workspace/remove-tree.ts';
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
      const { host, apiKey } = settings.environment;
      const secrets = secretValues({ ...host, API_KEY: apiKey });
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
    const outcome = await prepareAndRun(task);
    task.onOutcome(outcome);
    return outcome;
  } finally {
    await attempt(task, 'Its processes could not be ended', () => endProcesses(task));
    // A folder by now, if the task made it one.
    await attempt(task, 'Its environment file could not be removed', () => removeTree(task.place.environmentFile));
    await attempt(task, 'Its teardown went wrong', () => runTeardown(task));
    await attempt(task, 'Its workspace could not be removed', () => task.place.remove());
  }
}

/** What goes wrong after a task is not its fault, and keeps nothing of the rest from being done. */
async function attempt({ assignment, tools }: DirectTask, problem: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    tools.log.warn({ task_id: assignment.task_id }, `${problem}: ${(error as Error).message}`);
  }
}

async function prepareAndRun(task: DirectTask): Promise<TaskOutcome> {
  if (task.signal.aborted) return { kind: 'ended' };
  const prepared = await runSetup(task);
  if (task.signal.aborted) return { kind: 'ended' };
  return 'kind' in prepared ? prepared : runAgent(task, prepared.variables);
}

function failure(reason: TaskFailure['reason'], message: string): TaskFailure {
  return { kind: 'failed', reason, message };
}
