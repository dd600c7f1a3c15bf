import type { AgentConfig, HarnessType } from '../protocol/runs.ts';
import type { Harness } from './harnesses/harness.ts';
import { shellHarness } from './harnesses/shell.ts';

/** What a run asks of its agent, by its own configuration or by the command line. */
export interface Wishes {
  harness?: HarnessType | undefined;
  environment?: string | undefined;
  skill?: string | undefined;
  profile?: string | undefined;
  basePrompt?: string | undefined;
  mcpServers?: readonly string[] | undefined;
  /** Other flags that ask for what this version cannot do. */
  unbuilt?: readonly string[] | undefined;
}

/** The run's own word stands before the flag's. */
export function wishesOf(config: AgentConfig, flags: Wishes): Wishes {
  return {
    harness: config.harness?.type ?? flags.harness,
    environment: config.environment_id || flags.environment,
    skill: config.skill_spec || flags.skill,
    profile: config.profile_id || flags.profile,
    basePrompt: config.base_prompt,
    mcpServers: Object.keys(config.mcp_servers ?? {}).concat(flags.mcpServers ?? []),
    unbuilt: flags.unbuilt,
  };
}

/** The harness that does as it is asked, or the sentence that says what cannot be done in this version. */
export function chooseHarness(wishes: Wishes): Harness | { refusal: string } {
  const refusal = refusalOf(wishes);
  return refusal === undefined ? shellHarness : { refusal };
}

function refusalOf(wishes: Wishes): string | undefined {
  const { harness = 'oz' } = wishes;
  if (harness !== 'shell') {
    return `The harness \`${harness}\` is not available in this version; \`shell\`, which runs the prompt as a script, is.`;
  }
  if (wishes.environment) return notBuilt(`The environment \`${wishes.environment}\` cannot be prepared`);
  if (wishes.skill) return notBuilt(`The skill \`${wishes.skill}\` cannot be used`);
  if (wishes.profile) return notBuilt(`The profile \`${wishes.profile}\` cannot be used`);
  if (wishes.mcpServers?.length) return notBuilt(`The MCP server \`${wishes.mcpServers[0]}\` cannot be started`);
  if (wishes.unbuilt?.length) return notBuilt(`The flag \`${wishes.unbuilt[0]}\` cannot be obeyed`);
  if (wishes.basePrompt) return 'The harness `shell` asks no model and has no use for a base prompt; leave it out.';
  return undefined;
}

function notBuilt(what: string): string {
  return `${what}: this version cannot do that yet. Start the run without it.`;
}
