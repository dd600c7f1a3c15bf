import { unsentFlag } from '../../../protocol/unsent.ts';
import type { Assignment, ConfigSnapshot } from '../../../protocol/worker-link.ts';

export interface AgentArgumentSettings {
  serverRootUrl: string;
  idleOnComplete?: string | undefined;
  sessionSharingServerUrl?: string | undefined;
  /** Where an `oz` of ours leaves what it cannot tell the server; another one would not know the flag. */
  unsentFolder?: string | undefined;
}

/** The arguments of `oz` for one task, in the order of the official worker. */
export function agentArguments(assignment: Assignment, settings: AgentArgumentSettings): string[] {
  const { task, task_id: taskId, additional_oz_args: additional = [] } = assignment;
  const snapshot = task.agent_config_snapshot;
  return [
    'agent',
    'run',
    ...when(task.owner?.Type === 'TEAM', '--share', 'team:edit'),
    '--task-id',
    taskId,
    '--sandboxed',
    '--server-root-url',
    settings.serverRootUrl,
    ...(snapshot === undefined ? [] : snapshotArguments(snapshot)),
    ...additional,
    ...idleArguments(snapshot, settings),
    ...option('--session-sharing-server-url', settings.sessionSharingServerUrl),
    ...option(unsentFlag, settings.unsentFolder),
  ];
}

function snapshotArguments(snapshot: ConfigSnapshot): string[] {
  const harness = snapshot.harness?.type?.trim() ?? '';
  const usesOz = harness === '' || harness === 'oz';
  const servers = snapshot.mcp_servers ?? {};
  return [
    ...(usesOz ? option('--model', snapshot.model_id) : []),
    ...option('--profile', snapshot.profile_id),
    ...option('--skill', snapshot.skill_spec),
    ...when(Object.keys(servers).length > 0, '--mcp', JSON.stringify(servers)),
    (snapshot.computer_use_enabled ?? usesOz) ? '--computer-use' : '--no-computer-use',
    ...bedrockArguments(snapshot),
    ...option('--harness', harness),
    ...publicShare(snapshot),
    ...when(snapshot.snapshot_disabled === true, '--no-snapshot'),
    ...seconds('--snapshot-upload-timeout', snapshot.snapshot_upload_timeout_secs),
    ...seconds('--snapshot-script-timeout', snapshot.snapshot_script_timeout_secs),
    ...option('--environment', snapshot.environment_id),
  ];
}

/** The region is of no use without a role. */
function bedrockArguments({ inference_providers: providers }: ConfigSnapshot): string[] {
  const aws = providers?.aws;
  if (aws === undefined || aws.disabled === true) return [];
  const role = option('--bedrock-inference-role', aws.role_arn);
  return role.length === 0 ? [] : [...role, ...option('--bedrock-role-region', aws.region)];
}

function publicShare({ session_sharing: sharing }: ConfigSnapshot): string[] {
  const access = sharing?.public_access;
  return access === undefined ? [] : ['--share', access === 'EDITOR' ? 'public:edit' : 'public:view'];
}

/** Without a value the agent takes its own default. */
function idleArguments(snapshot: ConfigSnapshot | undefined, settings: AgentArgumentSettings): string[] {
  const ofTask = snapshot?.idle_timeout_minutes;
  const value = ofTask === undefined ? settings.idleOnComplete?.trim() : `${ofTask}m`;
  return ['--idle-on-complete', ...(value ? [value] : [])];
}

function option(flag: string, value: string | undefined): string[] {
  const trimmed = value?.trim();
  return trimmed ? [flag, trimmed] : [];
}

function seconds(flag: string, value: number | undefined): string[] {
  return value === undefined ? [] : [flag, `${value}s`];
}

function when(condition: boolean, ...values: string[]): string[] {
  return condition ? values : [];
}
