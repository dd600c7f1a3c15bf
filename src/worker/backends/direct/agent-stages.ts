import { open } from 'node:fs/promises';
import { secretValues } from '../../../common/secret-names.ts';
import { readSmallFile } from '../../../common/small-file.ts';
import type { TaskFailure, TaskOutcome } from '../backend.ts';
import { agentArguments } from './agent-arguments.ts';
import { environmentSettings, save, type DirectTask } from './direct-task.ts';
import { parseEnvironmentFile } from './environment-file.ts';
import { failureOf } from './limits.ts';
import { runStage, shellCommand, type StageCommand } from './stage.ts';
import { agentEnvironment, setupEnvironment, taskVariables, type Variables } from './task-environment.ts';

/** Runs the setup command and looks whether what it left for the agent is of use. Undefined when all is well. */
export async function runSetup(task: DirectTask, command: string): Promise<TaskFailure | undefined> {
  try {
    const ended = await runStage(task, 'setup', task.signal, () => setupCommand(task, command));
    const failure = failureOf(task, 'setup_command', ended);
    if (failure !== undefined) return failure;
  } catch (error) {
    return failed('workspace_setup', `The setup command could not be started: ${(error as Error).message}.`);
  }
  try {
    const fromSetup = await readVariables(task);
    await save(task, { secretsOfSetup: secretValues(fromSetup) });
    return undefined;
  } catch (error) {
    return failed('setup_command', `The environment that setup left cannot be used: ${(error as Error).message}.`);
  }
}

/** Starts `oz` and waits for its end. */
export async function runAgent(task: DirectTask): Promise<TaskOutcome> {
  try {
    const ended = await runStage(task, 'agent', task.signal, () => agentCommand(task));
    if (task.signal.aborted) return { kind: 'ended' };
    return failureOf(task, 'agent_invocation', ended) ?? { kind: 'completed' };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' || code === 'EACCES' ? 'agent_invocation' : 'workspace_setup';
    return failed(reason, `The agent could not be started: ${message}.`);
  }
}

async function setupCommand(task: DirectTask, command: string): Promise<StageCommand> {
  const { assignment, place, isolation } = task;
  const settings = environmentSettings(task);
  // An earlier daemon may have made it and not come to the start.
  await isolation.remove(place.environmentFile);
  const file = await open(place.environmentFile, 'wx', 0o600);
  try {
    await isolation.give(file);
  } finally {
    await file.close();
  }
  const variables = taskVariables(assignment, place, settings);
  return {
    ...shellCommand(command),
    environment: setupEnvironment(variables, place, assignment.task_id, settings),
  };
}

async function agentCommand(task: DirectTask): Promise<StageCommand> {
  const { assignment, place, settings } = task;
  const { program, args, isOurs } = settings.oz;
  const fromSetup = settings.setupCommand === undefined ? {} : await readVariables(task);
  const variables = taskVariables(assignment, place, settings.environment, fromSetup);
  const unsentFolder = isOurs ? place.own : undefined;
  return {
    program,
    args: [...args, ...agentArguments(assignment, { ...settings.args, unsentFolder })],
    environment: agentEnvironment(variables, environmentSettings(task)),
  };
}

/** In bytes; the kernel takes about two million for a process. */
const environmentLimit = 1024 * 1024;

/** What setup left for the agent. */
async function readVariables({ place }: DirectTask): Promise<Variables> {
  try {
    return parseEnvironmentFile(await readSmallFile(place.environmentFile, environmentLimit));
  } catch (error) {
    // A setup command that removed the file has nothing to say.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** A command that could not be started, on a full disk for instance, has done nothing wrong: its worker could not prepare it. */
function failed(reason: TaskFailure['reason'], message: string): TaskFailure {
  return { kind: 'failed', reason, message };
}
