import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseDuration } from '../common/durations.ts';
import type { HarnessType } from '../protocol/runs.ts';
import { unsentFlag } from '../protocol/unsent.ts';
import { collect, excludeNegation } from './command.ts';
import { orVariable } from './env-option.ts';
import { harnessOption } from './harness-option.ts';
import { parseRunId } from './run-id.ts';
import { UsageError } from './usage-error.ts';

/** The flags of `agent run`: those for people, and the hidden ones that workers pass. */
export interface AgentRunOptions {
  prompt?: string;
  savedPrompt?: string;
  file?: string;
  taskId?: string;
  skill?: string;
  cwd?: string;
  harness?: HarnessType;
  environment?: string;
  profile?: string;
  mcp?: string[];
  mcpServer?: string[];
  conversation?: string;
  /** `true` stands for a flag without its value. */
  idleOnComplete?: string | true;
  share?: string[] | true;
  computerUse?: boolean;
  gui?: boolean;
  skipInitialTurn?: boolean;
  bedrockInferenceRole?: string;
  bedrockRoleRegion?: string;
  configureGitCredentialsWithGithub?: boolean;
  repositoryHeadOverrideJson?: string[];
  removeRepositoryOrigins?: boolean;
  unsentFolder?: string;
}

export function addAgentRunFlags(command: Command): void {
  command
    .addOption(new Option('-p, --prompt <TEXT>', 'what the agent is to do; with the harness `shell`, a script'))
    .addOption(harnessOption())
    .option('-C, --cwd <PATH>', 'the folder to work in (default: this one)')
    .option('-n, --name <NAME>', 'a name for this kind of run')
    .option('--model <MODEL_ID>', 'the model to use');
  for (const option of hiddenOptions()) command.addOption(option.hideHelp());
  excludeNegation(command, 'computer-use');
}

function hiddenOptions(): Option[] {
  const plainFlags = ['--sandboxed', '--gui', '--computer-use', '--no-computer-use', '--no-snapshot'];
  const needATask = ['--skip-initial-turn', '--configure-git-credentials-with-github', '--remove-repository-origins'];
  const values = ['--skill <SPEC>', '-e, --environment <ID>', '--profile <ID>', '--conversation <ID>'];
  const roles = ['--bedrock-inference-role <ARN>', '--bedrock-role-region <REGION>'];
  const durations = ['--snapshot-upload-timeout <DURATION>', '--snapshot-script-timeout <DURATION>'];
  const lists = ['--mcp <SPEC>', '--mcp-server <UUID>', '--repository-head-override-json <JSON>'];
  return [
    new Option('--task-id <ID>').argParser(parseRunId).conflicts(['prompt', 'savedPrompt', 'file']),
    new Option('--saved-prompt <ID>').conflicts('prompt'),
    orVariable(new Option('-f, --file <PATH>'), 'WARP_AGENT_CONFIG_FILE'),
    new Option('--share [RECIPIENTS]').argParser(parseShare),
    new Option('--strict-mcp-startup'),
    new Option('--mcp-startup-timeout <DURATION>').argParser(checkDuration),
    new Option('--idle-on-complete [DURATION]').argParser(checkDuration),
    new Option(`${unsentFlag} <PATH>`),
    orVariable(new Option('--idle-on-fail [DURATION]').argParser(checkDuration), 'OZ_IDLE_ON_FAIL'),
    ...durations.map((flag) => new Option(flag).argParser(checkDuration)),
    ...lists.map((flag) => new Option(flag).argParser(collect)),
    ...[...plainFlags, ...needATask, ...values, ...roles].map((flag) => new Option(flag)),
  ];
}

/** The rules that commander has no word for. */
export function checkAgentRun(options: AgentRunOptions): void {
  const { taskId, prompt, savedPrompt, skill } = options;
  if (taskId === undefined && !prompt?.trim() && !savedPrompt && !skill) {
    throw new UsageError('`--prompt` is required: there is nothing to do.');
  }
  for (const [name, flag] of Object.entries(needATask)) {
    if (taskId === undefined && options[name as keyof AgentRunOptions])
      throw new UsageError(`\`${flag}\` needs \`--task-id\`.`);
  }
  if (options.skipInitialTurn && options.idleOnComplete === undefined) {
    throw new UsageError('`--skip-initial-turn` needs `--idle-on-complete`.');
  }
  if ((options.bedrockInferenceRole === undefined) !== (options.bedrockRoleRegion === undefined)) {
    throw new UsageError('`--bedrock-inference-role` and `--bedrock-role-region` need each other.');
  }
}

const needATask = {
  skipInitialTurn: '--skip-initial-turn',
  configureGitCredentialsWithGithub: '--configure-git-credentials-with-github',
  repositoryHeadOverrideJson: '--repository-head-override-json',
  removeRepositoryOrigins: '--remove-repository-origins',
} satisfies Partial<Record<keyof AgentRunOptions, string>>;

/** Flags given that change what a run does, that its configuration cannot ask for, and that this version cannot do. */
export function unbuiltFlags(options: AgentRunOptions): string[] {
  return given(options, [...(Object.keys(needATask) as (keyof AgentRunOptions)[]), 'conversation']);
}

/** The same for a run that no server knows of: there, nothing else says what it asks for. */
export function unbuiltHere(options: AgentRunOptions): string[] {
  const what = ['savedPrompt', 'file', 'skill', 'mcp', 'mcpServer', 'environment', 'profile', 'conversation'] as const;
  const how = ['share', 'idleOnComplete', 'computerUse', 'bedrockInferenceRole', 'gui'] as const;
  return given(options, [...what, ...how]);
}

function given(options: AgentRunOptions, names: readonly (keyof AgentRunOptions)[]): string[] {
  const chosen = names.filter((name) => options[name] !== undefined && options[name] !== false);
  return chosen.map((name) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
}

function parseShare(value: string, former: string[] = []): string[] {
  if (/^(team|public|[^\s@:]+@[^\s@:]+)(:(view|edit))?$/.test(value)) return [...former, value];
  throw new InvalidArgumentError('It must be team, public or an email address, with :view or :edit if you like.');
}

function checkDuration(value: string): string {
  if (parseDuration(value.replaceAll(' ', '')) !== undefined) return value;
  throw new InvalidArgumentError('It must be a duration such as 30s or 10m.');
}
