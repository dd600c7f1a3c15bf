import { expect, test } from 'vitest';
import { assignmentSchema, type ConfigSnapshot } from '../../../protocol/worker-link.ts';
import { agentArguments, type AgentArgumentSettings } from './agent-arguments.ts';

const id = '7b0e3c52-5b1f-4c53-9f3e-3f2a8d1c9e10';
const head = ['agent', 'run', '--task-id', id, '--sandboxed', '--server-root-url', 'http://oz'];
const settings = { serverRootUrl: 'http://oz' };

test('without a config snapshot only what every task needs is said', () => {
  expect(argumentsOf(undefined)).toEqual([...head, '--idle-on-complete']);
});

test('a task of a team is shared with it', () => {
  const args = agentArguments(assignmentWith({}, { owner: { Type: 'TEAM', Id: 1 } }), settings);
  expect(args.slice(0, 6)).toEqual(['agent', 'run', '--share', 'team:edit', '--task-id', id]);
  expect(agentArguments(assignmentWith({}, { owner: { Type: 'USER', Id: 1 } }), settings)).not.toContain('--share');
});

const everything: ConfigSnapshot = {
  model_id: ' m ',
  profile_id: 'p',
  skill_spec: 's',
  mcp_servers: { a: { url: 'http://a' } },
  computer_use_enabled: false,
  inference_providers: { aws: { role_arn: 'arn', region: 'eu' } },
  harness: { type: 'oz' },
  session_sharing: { public_access: 'EDITOR' },
  snapshot_disabled: true,
  snapshot_upload_timeout_secs: 5,
  snapshot_script_timeout_secs: 6,
  environment_id: 'e',
  idle_timeout_minutes: 7,
};

test('everything that a snapshot may say is said in order', () => {
  const mcp = '{"a":{"url":"http://a"}}';
  expect(argumentsOf(everything).slice(head.length)).toEqual([
    '--model',
    'm',
    '--profile',
    'p',
    '--skill',
    's',
    '--mcp',
    mcp,
    '--no-computer-use',
    '--bedrock-inference-role',
    'arn',
    '--bedrock-role-region',
    'eu',
    '--harness',
    'oz',
    '--share',
    'public:edit',
    '--no-snapshot',
    '--snapshot-upload-timeout',
    '5s',
    '--snapshot-script-timeout',
    '6s',
    '--environment',
    'e',
    '--idle-on-complete',
    '7m',
  ]);
});

const computerUse = ['--computer-use'];
const table: [string, ConfigSnapshot, string[]][] = [
  ['an empty snapshot', {}, computerUse],
  ['blank values', { model_id: ' ', profile_id: '', skill_spec: '\t', environment_id: ' ' }, computerUse],
  ['no servers', { mcp_servers: {} }, computerUse],
  [
    'another harness with a model',
    { harness: { type: 'claude' }, model_id: 'm' },
    ['--no-computer-use', '--harness', 'claude'],
  ],
  [
    'another harness with computer use',
    { harness: { type: 'codex' }, computer_use_enabled: true },
    ['--computer-use', '--harness', 'codex'],
  ],
  ['a viewer', { session_sharing: { public_access: 'VIEWER' } }, [...computerUse, '--share', 'public:view']],
  ['a disabled provider', { inference_providers: { aws: { disabled: true, role_arn: 'arn' } } }, computerUse],
  ['a region without a role', { inference_providers: { aws: { region: 'eu' } } }, computerUse],
  [
    'a role without a region',
    { inference_providers: { aws: { role_arn: 'arn' } } },
    [...computerUse, '--bedrock-inference-role', 'arn'],
  ],
  ['snapshots that are on', { snapshot_disabled: false }, computerUse],
];

test.each(table)('%s', (_name, snapshot, expected) => {
  expect(argumentsOf(snapshot)).toEqual([...head, ...expected, '--idle-on-complete']);
});

test('the worker says how long to idle where the task does not, and additional arguments come before it', () => {
  const own = { ...settings, idleOnComplete: '10m', sessionSharingServerUrl: 'ws://s' };
  const assignment = assignmentWith({ agent_config_snapshot: {} }, {}, ['--debug']);
  expect(agentArguments(assignment, own).slice(head.length)).toEqual([
    '--computer-use',
    '--debug',
    '--idle-on-complete',
    '10m',
    '--session-sharing-server-url',
    'ws://s',
  ]);
  expect(argumentsOf({ idle_timeout_minutes: 3 }, own)).toContain('3m');
});

test('an oz of ours is told, behind everything else, where to leave what it cannot say', () => {
  const own = { ...settings, sessionSharingServerUrl: 'ws://s', unsentFolder: '/state/unsent' };
  expect(argumentsOf({}, own).slice(-4)).toEqual([
    '--session-sharing-server-url',
    'ws://s',
    '--unsent-folder',
    '/state/unsent',
  ]);
});

function argumentsOf(snapshot: ConfigSnapshot | undefined, own: AgentArgumentSettings = settings): string[] {
  return agentArguments(assignmentWith(snapshot && { agent_config_snapshot: snapshot }), own);
}

function assignmentWith(task: object = {}, more: object = {}, additional?: string[]) {
  const required = { id, title: 't', task_definition: { prompt: 'p' }, created_at: '', updated_at: '' };
  const args = additional && { additional_oz_args: additional };
  return assignmentSchema.parse({ task_id: id, task: { ...required, ...task, ...more }, ...args });
}
