import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { exitCodes } from '../../common/exit-codes.ts';
import type { AgentConfig, CreatedRun, HarnessType } from '../../protocol/runs.ts';
import { addCommand, connect, excludeNegation, onRun, refuseForNow, runUrl } from '../command.ts';
import type { CliContext, Invocation } from '../command.ts';
import { isForPrograms } from '../global-options.ts';
import { harnessOption } from '../harness-option.ts';
import { abortOnInterrupt } from '../interrupts.ts';
import { parseRunId } from '../run-id.ts';
import { UsageError } from '../usage-error.ts';

interface RunCloudOptions {
  prompt?: string;
  model?: string;
  skill?: string;
  name?: string;
  title?: string;
  parentRunId?: string;
  /** False after `--no-environment`. */
  environment?: string | false;
  conversation?: string;
  team?: boolean;
  agent?: string;
  host?: string;
  computerUse?: boolean;
  harness?: HarnessType;
  wait?: boolean;
}

const examples = `
Examples:
  oz agent run-cloud --harness shell --prompt 'make test' --wait
  oz agent run-cloud --harness shell --host gpu-1 --title Nightly --prompt "$(cat nightly.sh)"`;

export function defineAgentRunCloud(parent: Command, context: CliContext): void {
  const command = addCommand(parent, 'run-cloud', 'start a run on a worker')
    .aliases(['ra', 'run-ambient'])
    .option('-p, --prompt <TEXT>', 'what the agent is to do; with the harness `shell`, a script')
    .option('--host <WORKER_ID>', 'the worker to run on (default: any with room)')
    .addOption(harnessOption())
    .option('-n, --name <NAME>', 'a name for this kind of run')
    .option('--title <TITLE>', "the run's title (default: from the prompt)")
    .option('--wait', 'follow the run; exit with 0 only if it succeeds')
    .option('--model <MODEL_ID>', 'the model to use')
    .option('--skill <SPEC>', 'the skill to start from')
    .option('-e, --environment <ID>', 'the environment to start from')
    .option('--no-environment', 'start from no environment')
    .option('--agent <UID>', 'the named agent to run as')
    .option('--parent-run-id <RUN_ID>', 'the run that this one is a child of', parseRunId)
    .option('--conversation <ID>', 'the conversation to go on with')
    .option('--team', 'for the team, as every run is in this version')
    .option('--computer-use', 'let the agent use a computer')
    .option('--no-computer-use', 'let it not')
    .addHelpText('after', examples);
  excludeNegation(command, 'environment');
  excludeNegation(command, 'computer-use');
  refuseForNow(command, [
    '--saved-prompt <ID>',
    '-f, --file <PATH>',
    '--mcp <SPEC>',
    '--runner <ID>',
    '--personal',
    '--claude-auth-secret <NAME>',
    '--codex-auth-secret <NAME>',
    '--open',
    '--attach <PATH>',
    '--no-snapshot',
    '--snapshot-upload-timeout <DURATION>',
    '--snapshot-script-timeout <DURATION>',
  ]);
  onRun(command, context, runCloud);
}

async function runCloud(invocation: Invocation, options: RunCloudOptions): Promise<number> {
  if (!options.prompt?.trim() && !options.skill) throw new UsageError('`--prompt` or `--skill` is required.');
  const client = await connect(invocation);
  const signal = abortOnInterrupt();
  const run = await client.createRun(requestOf(options), { signal });
  announce(invocation, run);
  return options.wait ? waitFor(invocation, client, run, signal) : exitCodes.success;
}

function requestOf(options: RunCloudOptions) {
  return withoutUndefined({
    prompt: options.prompt,
    skill: options.skill,
    title: options.title,
    team: options.team,
    agent_identity_uid: options.agent,
    conversation_id: options.conversation,
    parent_run_id: options.parentRunId,
    config: configOf(options),
  });
}

function configOf(options: RunCloudOptions): AgentConfig {
  const isOurs = options.harness === undefined || options.harness === 'oz';
  return withoutUndefined({
    name: options.name,
    model_id: isOurs ? options.model : undefined,
    environment_id: options.environment || undefined,
    worker_host: options.host,
    computer_use_enabled: options.computerUse,
    harness:
      options.harness && withoutUndefined({ type: options.harness, model_id: isOurs ? undefined : options.model }),
  });
}

function announce(invocation: Invocation, run: CreatedRun): void {
  const { terminal, settings } = invocation;
  const url = runUrl(invocation, run.run_id);
  if (isForPrograms(settings)) {
    terminal.stdout(`${JSON.stringify({ ...run, run_url: url })}\n`);
  } else {
    terminal.stdout(`Spawned ambient agent with run ID: ${run.run_id}\nView run: ${url}\n`);
  }
}

async function waitFor(invocation: Invocation, client: Client, run: CreatedRun, signal: AbortSignal): Promise<number> {
  const { followRun } = await import('../follow-run.ts');
  const sayThatItGoesOn = () =>
    invocation.terminal.stderr(`The run goes on; \`oz run cancel ${run.run_id}\` ends it.\n`);
  signal.addEventListener('abort', sayThatItGoesOn, { once: true });
  const state = await followRun(invocation, { client, runId: run.run_id, signal, follow: true });
  return state === 'SUCCEEDED' ? exitCodes.success : exitCodes.failure;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
