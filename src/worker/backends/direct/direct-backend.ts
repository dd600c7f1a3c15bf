import { findWorkspace, inodeOf } from '../../workspace/find-workspace.ts';
import { makePlace } from '../../workspace/place.ts';
import type { Backend, TaskOutcome } from '../backend.ts';
import { runAgent, runSetup } from './agent-stages.ts';
import type { Stage } from './direct-state.ts';
import { save, type DirectSettings, type DirectTask, type DirectTools } from './direct-task.ts';
import { openTask } from './open-task.ts';
import { containmentName, endProcesses } from './stage.ts';
import { runTeardown } from './teardown.ts';

/** Executes tasks as plain processes of this machine, each in a workspace of its own. */
export function createDirectBackend(settings: DirectSettings, tools: DirectTools): Backend {
  return {
    async execute(task) {
      const direct = await openTask(task, settings, tools);
      while (direct.state.stage !== 'over') {
        const next = await steps[direct.state.stage](direct);
        await save(direct, { stage: next });
      }
      return { outcome: direct.outcome ?? { kind: 'ended' }, teardownProblem: direct.state.teardownProblem };
    },
  };
}

/** What each stage does, and which one comes after it. The next daemon may do any of it again. */
const steps: Record<Exclude<Stage, 'over'>, (task: DirectTask) => Promise<Stage>> = {
  async place(task) {
    // An earlier daemon may have made some of it: to find out is to make it.
    if (task.signal.aborted && !task.isInherited) return conclude(task, { kind: 'ended' }, 'over');
    const { place, settings, tools } = task;
    try {
      await makePlace(place, tools.clock, task.isInherited);
      if (!place.isShared) task.state.workspaceInode = await inodeOf(place.workspace);
    } catch (error) {
      // What stands in its place is not the task's to remove.
      return conclude(task, notPlaced(error), 'over');
    }
    try {
      task.isolation = await settings.isolation.forTask(place, task.slot);
      task.state.isolation = task.isolation.state;
      task.containment = await tools.containments.make(containmentName(task), settings.limits);
      task.state.containment = task.containment.state;
    } catch (error) {
      return conclude(task, notPlaced(error), 'clean');
    }
    if (task.signal.aborted) return conclude(task, { kind: 'ended' }, 'clean');
    return settings.setupCommand === undefined ? 'agent' : 'setup';
  },

  async setup(task) {
    if (task.signal.aborted && !task.processes.has('setup')) return conclude(task, { kind: 'ended' });
    const failure = await runSetup(task, task.settings.setupCommand ?? '');
    if (task.signal.aborted) return conclude(task, { kind: 'ended' });
    return failure === undefined ? 'agent' : conclude(task, failure);
  },

  async agent(task) {
    if (task.signal.aborted && !task.processes.has('agent')) return conclude(task, { kind: 'ended' });
    return conclude(task, await runAgent(task));
  },

  async end(task) {
    await attempt(task, 'Its processes could not be ended', () => endProcesses(task));
    // A folder by now, if the task made it one.
    await attempt(task, 'Its environment file could not be removed', () =>
      task.isolation.remove(task.place.environmentFile),
    );
    return 'teardown';
  },

  async teardown(task) {
    const command = task.settings.teardownCommand;
    if (command === undefined) return 'clean';
    const problem = await runTeardown(task, command);
    await attempt(task, 'Its processes could not be ended', () => endProcesses(task));
    if (problem !== undefined) {
      task.log.warn(problem);
      task.state.teardownProblem = problem;
    }
    return 'clean';
  },

  async clean(task) {
    const { place, settings } = task;
    await attempt(task, 'What held its processes could not be removed', () => task.containment.remove());
    if (settings.places.cleanup && !place.isShared) {
      await attempt(task, 'Its workspace could not be removed', () => removeWorkspace(task));
    }
    await attempt(task, 'Its own folders could not be removed', () => task.isolation.close());
    return 'over';
  },
};

async function conclude(task: DirectTask, outcome: TaskOutcome, next: Stage = 'end'): Promise<Stage> {
  task.outcome = outcome;
  await task.onOutcome(outcome);
  return next;
}

async function removeWorkspace({ isolation, place, state }: DirectTask): Promise<void> {
  const { workspaceInode: inode } = state;
  const workspace = inode === undefined ? place.workspace : await findWorkspace(place.workspace, inode);
  if (workspace !== undefined) await isolation.remove(workspace);
}

function notPlaced(error: unknown): TaskOutcome {
  const message = `The workspace could not be made: ${(error as Error).message}.`;
  return { kind: 'failed', reason: 'workspace_setup', message };
}

/** What goes wrong after a task is not its fault, and keeps nothing of the rest from being done. */
async function attempt(task: DirectTask, problem: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    task.log.warn(`${problem}: ${(error as Error).message}`);
  }
}
