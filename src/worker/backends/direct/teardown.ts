import { sleep } from '../../../common/clock.ts';
import { describeExit } from '../../../process/exit.ts';
import { NotBegunError } from '../../../process/start-recorded.ts';
import { environmentSettings, save, type DirectTask } from './direct-task.ts';
import type { Ended } from './limits.ts';
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
    const signal = AbortSignal.any([limit.signal, settings.hurry]);
    const { exit, met } = await onceItBegins(task, signal, () =>
      runStage(task, 'teardown', signal, () => ({
        ...shellCommand(command),
        environment: teardownEnvironment(task.place, assignment.task_id, environmentSettings(task)),
      })),
    );
    if (limit.signal.aborted) return problem('took too long and was ended');
    if (met !== undefined) return problem(`met the limit of ${met} and was ended`);
    return exit.code === 0 ? undefined : problem(describeExit(exit));
  } catch (error) {
    return problem(`could not be run: ${(error as Error).message}`);
  } finally {
    cancel();
  }
}

/** Between two tries to begin, and how long it is tried, in milliseconds. */
const pause = 1_000;
const patience = 30_000;

/** A host that is out of something for a moment must not cost a task its teardown. */
async function onceItBegins(task: DirectTask, signal: AbortSignal, run: () => Promise<Ended>): Promise<Ended> {
  const { clock } = task.tools;
  const giveUpAt = clock.now() + patience;
  for (;;) {
    await task.memory.makeRoom();
    try {
      return await run();
    } catch (error) {
      if (!mayPass(error) || signal.aborted || clock.now() >= giveUpAt) throw error;
      task.log.warn(problem(`could not be begun yet: ${(error as Error).message}`));
      // Only the signal ends the wait early.
      await sleep(clock, pause, signal).catch(() => Promise.reject(error as Error));
      // Here a daemon stays that has left its tasks to the next one meanwhile, which begins it itself.
      await save(task, {});
    }
  }
}

/** No room on the disk, and no process, memory or descriptor to be had. */
const shortages = ['ENOSPC', 'EDQUOT', 'EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE'];

function mayPass(error: unknown): boolean {
  // What keeps a shim from beginning is most often the disk, which then takes none of its words either.
  return error instanceof NotBegunError || shortages.includes((error as NodeJS.ErrnoException).code ?? '');
}

function problem(what: string): string {
  return `The teardown command ${what}.`;
}
