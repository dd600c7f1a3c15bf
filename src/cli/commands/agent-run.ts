import { existsSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Wishes } from '../../agent/harness-choice.ts';
import { systemClock } from '../../common/clock.ts';
import { exitCodes } from '../../common/exit-codes.ts';
import type { ReportTurn } from '../../protocol/agent-calls.ts';
import {
  addAgentRunFlags,
  checkAgentRun,
  unbuiltFlags,
  unbuiltHere,
  type AgentRunOptions,
} from '../agent-run-flags.ts';
import { addCommand, onRun, runUrl, type CliContext, type Invocation } from '../command.ts';
import { isForPrograms } from '../global-options.ts';
import { abortOnInterrupt } from '../interrupts.ts';
import { UsageError } from '../usage-error.ts';

export function defineAgentRun(parent: Command, context: CliContext): void {
  const command = addCommand(parent, 'run', 'run an agent here, or, for a worker, a task of the server').alias('r');
  addAgentRunFlags(command);
  onRun(command, context, async (invocation, options: AgentRunOptions) => {
    checkAgentRun(options);
    // The run must not end because nobody reads what it prints.
    invocation.terminal.outliveReaders();
    const outcome = await runAgent(invocation, options);
    if (outcome.status_message) invocation.terminal.stderr(`Error: ${outcome.status_message.message}\n`);
    return outcome.state === 'SUCCEEDED' ? exitCodes.success : exitCodes.failure;
  });
}

async function runAgent(invocation: Invocation, options: AgentRunOptions): Promise<ReportTurn> {
  const { jsonRecorder, textRecorder } = await import('../../agent/printing-recorder.ts');
  const { terminal, settings } = invocation;
  const isJson = isForPrograms(settings);
  const surroundings = {
    cwd: folderOf(options),
    env: process.env,
    cliPath: realpathSync(process.argv[1] ?? process.execPath),
    show: isJson ? jsonRecorder(terminal) : textRecorder(terminal),
    clock: systemClock,
    stop: abortOnInterrupt(),
  };
  if (options.taskId === undefined) {
    const { runUnmanaged } = await import('../../agent/unmanaged-run.ts');
    return runUnmanaged({ ...surroundings, prompt: promptOf(options), wishes: { harness: options.harness } });
  }
  const { runManaged } = await import('../../agent/managed-run.ts');
  return runManaged({
    ...surroundings,
    runId: options.taskId,
    rootUrl: settings.rootUrl,
    token: tokenOf(invocation),
    flags: wishesOf(options),
    unsentFolder: options.unsentFolder,
    onStart: (run) => announce(invocation, run.run_id, isJson),
  });
}

function wishesOf(options: AgentRunOptions): Wishes {
  return {
    harness: options.harness,
    environment: options.environment,
    skill: options.skill,
    profile: options.profile,
    mcpServers: [...(options.mcp ?? []), ...(options.mcpServer ?? [])],
    unbuilt: unbuiltFlags(options),
  };
}

/** What this version cannot do ends a managed run by name; here, where a person waits, it is a wrong command line. */
function promptOf(options: AgentRunOptions): string {
  const [unbuilt] = unbuiltHere(options);
  if (unbuilt) throw new UsageError(`\`${unbuilt}\` is not available in this version yet.`);
  if (options.harness !== 'shell') {
    const harness = options.harness ?? 'oz';
    throw new UsageError(`\`--harness ${harness}\` is not available in this version yet: use \`--harness shell\`.`);
  }
  return options.prompt ?? '';
}

function folderOf({ cwd = '.' }: AgentRunOptions): string {
  const folder = resolve(cwd);
  if (existsSync(folder) && statSync(folder).isDirectory()) return folder;
  throw new UsageError(`\`--cwd ${cwd}\` is not a folder.`);
}

function tokenOf({ settings }: Invocation): string {
  if (settings.apiKey !== undefined) return settings.apiKey;
  throw new Error('There is no token for the run: a worker passes it in the environment variable WARP_API_KEY.');
}

function announce(invocation: Invocation, runId: string, isJson: boolean): void {
  const url = runUrl(invocation, runId);
  const started = { type: 'system', event_type: 'run_started', run_id: runId, run_url: url };
  invocation.terminal.stdout(isJson ? `${JSON.stringify(started)}\n` : `Run ID: ${runId}\nOpen in Oz: ${url}\n`);
}
