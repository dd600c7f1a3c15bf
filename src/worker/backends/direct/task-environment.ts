import { join } from 'node:path';
import type { Assignment } from '../../../protocol/worker-link.ts';
import { holdsKey } from '../../config/environment.ts';
import type { Place } from '../../workspace/place.ts';

export type Variables = Readonly<Record<string, string>>;

export interface EnvironmentSettings {
  /** The daemon's own environment. */
  host: Readonly<Record<string, string | undefined>>;
  /** The daemon's own key, which none of a task's commands may see. */
  apiKey: string;
  /** Undefined when nobody named a server. */
  serverRootUrl: string | undefined;
  /** What the configuration gives to every task. */
  configured: Variables;
}

/** All that the agent sees: little of the host's, so that nothing of the daemon's comes along by chance. */
export function agentEnvironment(variables: Variables, settings: EnvironmentSettings): Variables {
  return { ...pick(settings.host, ['HOME', 'TMPDIR', 'PATH']), ...variables };
}

/** What setup sees: the daemon's tools and cloud credentials, and everything the agent will see. */
export function setupEnvironment(variables: Variables, place: Place, runId: string, settings: EnvironmentSettings) {
  const own = { ...ozVariables(place, runId), OZ_ENVIRONMENT_FILE: place.environmentFile };
  return { ...hostWithoutKey(settings), ...variables, ...own };
}

export function teardownEnvironment(place: Place, runId: string, settings: EnvironmentSettings): Variables {
  return { ...hostWithoutKey(settings), ...ozVariables(place, runId), GIT_CONFIG_GLOBAL: place.gitConfig };
}

/** The task's own variables, later ones beating earlier ones; `fromSetup` is what the environment file says. */
export function taskVariables(
  assignment: Assignment,
  place: Place,
  settings: EnvironmentSettings,
  fromSetup: Variables = {},
): Variables {
  return {
    TASK_ID: assignment.task_id,
    GIT_TERMINAL_PROMPT: '0',
    GH_PROMPT_DISABLED: '1',
    ...(settings.serverRootUrl === undefined ? {} : { WARP_SERVER_ROOT_URL: settings.serverRootUrl }),
    ...assignment.env_vars,
    ...settings.configured,
    ...harnessVariables(assignment, place),
    ...fromSetup,
    GIT_CONFIG_GLOBAL: place.gitConfig,
  };
}

/** Each of a task's processes has one of these: what the configuration may override is backed by what it may not. */
export function taskMarkers(place: Place, runId: string): string[] {
  return [`TASK_ID=${runId}`, `OZ_RUN_ID=${runId}`, `GIT_CONFIG_GLOBAL=${place.gitConfig}`];
}

/** Where harnesses keep their state, so that tasks at the same time do not meet in the user's own. */
const harnessFolders: Record<string, { variable: string; folder: string }> = {
  claude: { variable: 'CLAUDE_CONFIG_DIR', folder: '.claude' },
  codex: { variable: 'CODEX_HOME', folder: '.codex' },
};

function harnessVariables({ task }: Assignment, place: Place): Variables {
  const harness = harnessFolders[task.agent_config_snapshot?.harness?.type?.trim() ?? ''];
  return harness === undefined ? {} : { [harness.variable]: join(place.workspace, harness.folder) };
}

function ozVariables(place: Place, runId: string): Variables {
  return { OZ_WORKSPACE_ROOT: place.workspace, OZ_RUN_ID: runId, OZ_WORKER_BACKEND: 'direct' };
}

function hostWithoutKey({ host, apiKey }: EnvironmentSettings): Variables {
  const allowed = Object.keys(host).filter((name) => name !== 'WARP_API_KEY' && !holdsKey(host[name], apiKey));
  return pick(host, allowed);
}

function pick(host: EnvironmentSettings['host'], names: string[]): Variables {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = host[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
