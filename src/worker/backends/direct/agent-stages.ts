import { writeFile } from 'node:fs/promises';
import { secretValues } from '../../../common/secret-names.ts';
import { readSmallFile } from '../../../common/small-file.ts';
import { describeExit, exitCodeOf, type Exit } from '../../../process/exit.ts';
import type { TaskFailure, TaskOutcome } from '../backend.ts';
import { agentArguments } from './agent-arguments.ts';
import type { DirectTask } from './direct-task.ts';
import { parseEnvironmentFile } from './environment-file.ts';
import { runStage, shellCommand } from './stage.ts';
import { agentEnvironment, setupEnvironment, taskVariables, type Variables } from './task-environment.ts';

/** Runs the setup command, if there is one, and reads what it left for the agent. */
export async function runSetup(task: DirectTask): Promise<{ variables: Variables } | TaskFailure> {
  const { assignment, place, settings, signal } = task;
  const variables = taskVariables(assignment, place, settings.environment);
  task.secrets.push(...secretValues({ ...variables, WARP_API_KEY: assignment.env_vars?.['WARP_API_KEY'] }));
  const command = settings.setupCommand;
  if (command === undefined) return { variables };
  const environment = setupEnvironment(variables, place, assignment.task_id, settings.environment);
  try {
    await writeFile(place.environmentFile, '', { flag: 'wx', mode: 0o600 });
    const exit = await runStage(task, { stream: 'setup', ...shellCommand(command), environment, signal });
    if (exit.code !== 0) return failure('setup_command', `The setup command ${describeExit(exit)}.`, exit);
  } catch (error) {
    return failure('setup_command', `The setup command could not be started: ${(error as Error).message}.`);
  }
  return readVariables(task);
}

/** Starts `oz` and waits for its end. */
export async function runAgent(task: DirectTask, variables: Variables): Promise<TaskOutcome> {
  const { assignment, settings, signal } = task;
  const { program, args } = settings.oz;
  try {
    const exit = await runStage(task, {
      stream: 'agent',
      program,
      args: [...args, ...agentArguments(assignment, settings.args)],
      environment: agentEnvironment(variables, settings.environment),
      signal,
    });
    if (signal.aborted) return { kind: 'ended' };
    if (exit.code === 0) return { kind: 'completed' };
    return failure('agent_invocation', `The agent ${describeExit(exit)}.`, exit);
  } catch (error) {
    return failure('agent_invocation', `The agent could not be started: ${(error as Error).message}.`);
  }
}

/** In bytes; the kernel takes about two million for a process. */
const environmentLimit = 1024 * 1024;

async function readVariables(task: DirectTask): Promise<{ variables: Variables } | TaskFailure> {
  const { assignment, place, settings } = task;
  try {
    const fromSetup = parseEnvironmentFile(await readSmallFile(place.environmentFile, environmentLimit));
    task.secrets.push(...secretValues(fromSetup));
    return { variables: taskVariables(assignment, place, settings.environment, fromSetup) };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    // A setup command that removed the file has nothing to say.
    if (code === 'ENOENT') return { variables: taskVariables(assignment, place, settings.environment) };
    return failure('setup_command', `The environment that setup left cannot be used: ${message}.`);
  }
}

function failure(reason: TaskFailure['reason'], message: string, exit?: Exit): TaskFailure {
  const exitCode = exit && exitCodeOf(exit);
  return { kind: 'failed', reason, message, ...(exitCode ? { exitCode } : {}) };
}
