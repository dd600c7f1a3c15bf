import { describeExit } from '../../../process/exit.ts';
import { environmentSettings, save, type DirectTask } from './direct-task.ts';
import { runStage, shellCommand } from './stage.ts';
import { teardownEnvironment } from './task-environment.ts';

/**
 * Runs the teardown command whatever became of the task and whatever its own signal says. It has a time limit of its own,
 * which a restart of the daemon does not prolong. Resolves with what went wrong, as a sentence, which is never the task's
 * outcome.
 */
export async function runTeardown(task: DirectTask, command: string): Promise<string | undefined> {
  const { settings, tools, assignment } = task;
  if (settings.hurry.aborted) return problem('was skipped: there is no time left');
  const deadline = task.state.teardownDeadline ?? tools.clock.now() + settings.teardownLimit;
  await save(task, { teardownDeadline: deadline });
  const limit = new AbortController();
  const cancel = tools.clock.after(deadline - tools.clock.now(), () => limit.abort());
  try {
    await task.memory.makeRoom();
    const signal = AbortSignal.any([limit.signal, settings.hurry]);
    const { exit, met } = await runStage(task, 'teardown', signal, () => ({
      ...shellCommand(command),
      environment: teardownEnvironment(task.place, assignment.task_id, environmentSettings(task)),
    }));
    if (limit.signal.aborted) return problem('took too long and was ended');
    if (met !== undefined) return problem(`met the limit of ${met} and was ended`);
    return exit.code === 0 ? undefined : problem(describeExit(exit));
  } catch (error) {
    return problem(`could not be run: ${(error as Error).message}`);
  } finally {
    cancel();
  }
}

function problem(what: string): string {
  return `The teardown command ${what}.`;
}
