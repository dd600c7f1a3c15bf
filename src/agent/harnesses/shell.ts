import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeExit, type Exit } from '../../process/exit.ts';
import type { ReportTurn } from '../../protocol/agent-calls.ts';
import { CodedError } from '../../protocol/errors.ts';
import type { Harness, HarnessTask } from './harness.ts';
import { runProcess } from './process.ts';
import { writeScript } from './script.ts';

/** Characters of the script that the tool call repeats; all of it is in the user's message. */
const maxShownCommand = 4096;

/** Runs the prompt as a script in the workspace: no model, no key. */
export const shellHarness: Harness = {
  async run(task) {
    const call = task.recorder.toolCall('run_command', { command: shorten(task.prompt) });
    try {
      const exit = await runScript(task, async (stream, bytes) => {
        call.output(stream, bytes);
        await task.recorder.room();
      });
      call.result(isSuccess(exit) ? 'completed' : 'failed', resultOf(exit));
      return isSuccess(exit) ? { state: 'SUCCEEDED' } : failed(`The script ${describeExit(exit)}.`);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      call.result('failed', { error: error.message });
      return error.code === 'resource_unavailable' ? unprepared(error.message) : failed(error.message);
    }
  },
};

async function runScript(task: HarnessTask, onOutput: Parameters<typeof runProcess>[1]['onOutput']): Promise<Exit> {
  // Outside the workspace, so that a script which looks around finds only its own files.
  const folder = await prepared(mkdtemp(join(task.scratch, 'oz-agent-')));
  try {
    return await runProcess(await prepared(writeScript(folder, task.prompt)), { ...task, onOutput });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A disk that is full is the platform's fault: nothing of the script has run. */
async function prepared<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    const why = (error as Error).message;
    throw new CodedError('resource_unavailable', `The script could not be written to the worker’s disk: ${why}.`);
  }
}

function isSuccess(exit: Exit): boolean {
  return exit.code === 0;
}

function resultOf({ code, signal }: Exit): Record<string, unknown> {
  return signal === null ? { exit_code: code } : { signal };
}

function unprepared(message: string): ReportTurn {
  return { state: 'ERROR', status_message: { message, error_code: 'resource_unavailable', retryable: true } };
}

function failed(message: string): ReportTurn {
  return { state: 'FAILED', status_message: { message, error_code: 'agent_failed' } };
}

function shorten(script: string): string {
  return script.length <= maxShownCommand ? script : `${script.slice(0, maxShownCommand).toWellFormed()}…`;
}
