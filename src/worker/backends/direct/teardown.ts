import { describeExit } from '../../../process/exit.ts';
import type { DirectTask } from './direct-task.ts';
import { endProcesses, runStage, shellCommand } from './stage.ts';
import { teardownEnvironment } from './task-environment.ts';

/**
 * Runs the teardown command, if there is one, whatever became of the task and whatever its own signal says. It has a
 * time limit of its own; what goes wrong with it is a warning and never the task's outcome.
 */
export async function runTeardown(task: DirectTask): Promise<void> {
  const command = task.settings.teardownCommand;
  if (command === undefined) return;
  if (task.settings.hurry.aborted) return warn(task, 'was skipped: there is no time left');
  try {
    await runLimited(task, command);
  } catch (error) {
    warn(task, `could not be run: ${(error as Error).message}`);
  } finally {
    await endProcesses(task);
  }
}

async function runLimited(task: DirectTask, command: string): Promise<void> {
  const { settings, tools, place, assignment } = task;
  const limit = new AbortController();
  const cancel = tools.clock.after(settings.teardownLimit, () => limit.abort());
  try {
    const exit = await runStage(task, {
      stream: 'teardown',
      ...shellCommand(command),
      environment: teardownEnvironment(place, assignment.task_id, settings.environment),
      signal: AbortSignal.any([limit.signal, settings.hurry]),
    });
    if (limit.signal.aborted) warn(task, 'took too long and was ended');
    else if (exit.code !== 0) warn(task, describeExit(exit));
  } finally {
    cancel();
  }
}

function warn({ tools, assignment }: DirectTask, what: string): void {
  tools.log.warn({ task_id: assignment.task_id }, `The teardown command ${what}`);
}
