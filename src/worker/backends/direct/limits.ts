import { describeExit, exitCodeOf, type Exit } from '../../../process/exit.ts';
import { watchLimits } from '../../../process/watch-limits.ts';
import { watchOutput } from '../../../process/watch-output.ts';
import type { ConsoleStream } from '../../../protocol/streams.ts';
import type { TaskFailure } from '../backend.ts';
import type { DirectTask } from './direct-task.ts';

export type Limit = 'memory' | 'processes' | 'output';

/** How a command ended, and the limit that it met before. */
export interface Ended {
  exit: Exit;
  met: Limit | undefined;
}

/** Tells, once at least, that a running command has met a limit: what is refused memory may go on in a bad way for long. */
export function watchStage(
  task: DirectTask,
  stream: ConsoleStream,
  output: string,
  onMet: (limit: Limit) => void,
): () => void {
  const { settings, tools, containment, log } = task;
  const { limits } = settings;
  const stops: (() => void)[] = [];
  if (limits.output !== undefined) {
    const onExceeded = () => onMet('output');
    stops.push(
      watchOutput({ folder: task.place.state, file: () => output, limit: limits.output, onExceeded }, tools.clock),
    );
  }
  if (stream !== 'teardown' && (limits.memory !== undefined || limits.processes !== undefined)) {
    const onError = (err: unknown) => log.warn({ err }, 'The limits of a task cannot be watched');
    stops.push(watchLimits(containment, onMet, onError, tools.clock));
  }
  return () => stops.forEach((stop) => stop());
}

/**
 * A containment remembers for good that a limit of its was met: teardown, which comes after that, is kept to the limits by
 * the kernel alone, and can be neither blamed nor ended for what the agent did.
 */
export async function exceededBy(task: DirectTask, stream: ConsoleStream): Promise<Limit | undefined> {
  return stream === 'teardown' ? undefined : task.containment.exceeded();
}

/** What has become of a command that should have ended with 0; undefined when it has. */
export function failureOf(
  task: DirectTask,
  reason: 'setup_command' | 'agent_invocation',
  { exit, met }: Ended,
): TaskFailure | undefined {
  const exitCode = exitCodeOf(exit);
  const code = exitCode ? { exitCode } : {};
  if (met !== undefined) return { kind: 'failed', ...limitFailures[met](task.settings.limits[met] ?? 0), ...code };
  if (exit.code === 0) return undefined;
  const what = reason === 'setup_command' ? 'The setup command' : 'The agent';
  // No fault of its own: it was killed together with what watched over it, or the machine went down.
  if (exitCode === undefined) return { kind: 'failed', reason: 'evicted', message: `${what} was killed.` };
  return { kind: 'failed', reason, message: `${what} ${describeExit(exit)}.`, ...code };
}

const limitFailures: Record<Limit, (limit: number) => Pick<TaskFailure, 'reason' | 'message'>> = {
  memory: (limit) => ({
    reason: 'container_oom',
    message: `limits.memory of this worker is ${inWords(limit)}, and the task needs more.`,
  }),
  processes: (limit) => ({
    reason: 'process_limit',
    message: `limits.processes of this worker is ${limit}, and the task wants more.`,
  }),
  output: (limit) => ({
    reason: 'output_limit',
    message: `limits.output of this worker is ${inWords(limit)}, and a command of the task wrote more.`,
  }),
};

function inWords(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return Number.isInteger(mebibytes) ? `${mebibytes} MiB` : `${bytes} bytes`;
}
