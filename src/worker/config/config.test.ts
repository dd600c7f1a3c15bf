import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig, type WorkerConfig } from './config.ts';
import { parseFlags } from './flags.ts';

const required = ['--api-key', 'wk-secret-key', '--worker-id', 'w', '--backend', 'direct'];

test('what is left unsaid has the defaults of the official worker', async () => {
  expect(await resolve(required, undefined, { XDG_STATE_HOME: '/state' })).toEqual({
    apiKey: 'wk-secret-key',
    workerId: 'w',
    webSocketUrl: 'ws://127.0.0.1:8080/api/v1/selfhosted/worker/ws',
    server: { rootUrl: 'http://127.0.0.1:8080', isConfigured: false },
    logLevel: 'info',
    maxConcurrentTasks: Infinity,
    idleOnComplete: undefined,
    sessionSharingServerUrl: undefined,
    stateDir: '/state/oz-agent-worker',
    onShutdown: 'detach',
    taskTimeout: undefined,
    killGrace: 10_000,
    limits: {},
    accept: {},
    health: undefined,
    once: false,
    direct: {
      workspaceRoot: '/var/lib/oz/workspaces',
      targetDir: undefined,
      ozPath: undefined,
      setupCommand: undefined,
      teardownCommand: undefined,
      environment: {},
      cleanup: true,
      teardownTimeout: 300_000,
      runAs: undefined,
      sandbox: undefined,
      privateTmp: false,
      containment: 'auto',
    },
  } satisfies WorkerConfig);
});

const file = [
  'worker_id: from-file',
  'cleanup: false',
  'max_concurrent_tasks: 2',
  'idle_on_complete: 10m',
  'backend:',
  '  direct:',
  '    workspace_root: /root-of-file',
  '    target_dir: /target-of-file',
  '    environment: [{ name: A, value: file }, { name: B, value: file }, { name: HOME }]',
];

test('what the official worker has not is read from the file, and flags beat it', async () => {
  const more = [
    'worker_id: w',
    'state_dir: /state-of-file',
    'on_shutdown: drain',
    'task_timeout: 2h',
    'kill_grace: 3s',
    'limits: { memory: 2GiB, processes: 500, output: 1.5M }',
    'accept: { harnesses: [shell, claude], repositories: acme/* }',
    'health_port: 9100',
    'backend:',
    '  direct:',
    '    teardown_timeout: 30s',
    '    run_as: [oz1, oz2]',
    '    sandbox: { type: bubblewrap, network: off, allow: api.example.com:443 }',
    '    private_tmp: true',
    '    containment: cgroup',
  ];
  const key = ['--api-key', 'wk-secret-key'];
  expect(await resolve(key, more)).toMatchObject({
    stateDir: '/state-of-file',
    onShutdown: 'drain',
    taskTimeout: 7_200_000,
    killGrace: 3_000,
    limits: { memory: 2 * 2 ** 30, processes: 500, output: 1.5 * 2 ** 20 },
    accept: { harnesses: ['shell', 'claude'], repositories: ['acme/*'] },
    health: { host: '127.0.0.1', port: 9100 },
    direct: {
      teardownTimeout: 30_000,
      runAs: ['oz1', 'oz2'],
      sandbox: { type: 'bubblewrap', network: 'off', allow: ['api.example.com:443'] },
      privateTmp: true,
      containment: 'cgroup',
    },
  });
  const flags = [
    '--state-dir',
    '/s',
    '--on-shutdown',
    'cancel',
    '--task-timeout',
    '1m',
    '--health-port',
    '[::1]:0',
    '--once',
  ];
  expect(await resolve([...key, ...flags], more)).toMatchObject({
    stateDir: '/s',
    onShutdown: 'cancel',
    taskTimeout: 60_000,
    health: { host: '::1', port: 0 },
    once: true,
  });
});

test.each([
  ['limits: { memory: much }', 'limits.memory: must be a size'],
  ['limits: { disk: 1G }', 'limits.disk: is not a known key'],
  ['on_shutdown: wait', 'on_shutdown: must be one of detach, drain, cancel'],
  ['task_timeout: soon', 'task_timeout: must be a duration'],
  ['health_port: 70000', 'neither a number from 0 to 65535 nor address:port'],
  ['health_port: 1.2.3.4', 'neither a number'],
  ['backend: { direct: { sandbox: docker } }', 'sandbox.type: must be bubblewrap'],
  ['backend: { direct: { containment: jail } }', 'must be one of auto, cgroup'],
  ['backend: { direct: { sandbox: { type: bubblewrap, network: some } } }', 'sandbox.network: must be on or off'],
  ...['https://example.com', 'example.com:http', 'example.com:0', 'a b', '*', '*.*.com', '[1.2.3.4]'].map((address) => [
    `backend: { direct: { sandbox: { type: bubblewrap, allow: ['${address}'] } } }`,
    `must be host, host:port or *.domain; it is "${address}"`,
  ]),
])('%s is refused', async (line, words) => {
  await expect(resolve(required, [line])).rejects.toThrow(words);
});

test('the addresses that a sandbox may reach are names and numbers, with a port or without', async () => {
  const allow = [
    'example.com',
    'my_host:8080',
    '*.example.com',
    '*.example.com:443',
    '10.0.0.1:1',
    '::1',
    '[::1]:65535',
  ];
  const { direct } = await resolve(required, [
    `backend: { direct: { sandbox: { type: bubblewrap, allow: ${JSON.stringify(allow)} } } }`,
  ]);
  expect(direct.sandbox?.allow).toEqual(allow);
});

test('blanks around the key are not part of it', async () => {
  const { apiKey } = await resolve([...required, '--api-key', 'wk-secret-key\r\n']);
  expect(apiKey).toBe('wk-secret-key');
});

test('the file is heeded', async () => {
  const config = await resolve(['--api-key', 'wk-secret-key'], file, { HOME: '/home/me' });
  expect(config).toMatchObject({ workerId: 'from-file', maxConcurrentTasks: 2, idleOnComplete: '10m' });
  expect(config.direct).toMatchObject({
    workspaceRoot: '/root-of-file',
    targetDir: '/target-of-file',
    cleanup: false,
    environment: { A: 'file', B: 'file', HOME: '/home/me' },
  });
});

test('~ is the home folder, in the paths of the file and in that of the file itself', async () => {
  const paths = ['workspace_root: ~/root', 'target_dir: ~/t', 'oz_path: ~/bin/oz'].map((line) => `    ${line}`);
  const { direct } = await resolve(
    ['--api-key', 'wk-secret-key', '--worker-id', 'w'],
    ['backend:', '  direct:', ...paths],
  );
  expect(direct).toMatchObject({
    workspaceRoot: join(homedir(), 'root'),
    targetDir: join(homedir(), 't'),
    ozPath: join(homedir(), 'bin/oz'),
  });
  const elsewhere = resolve([...required, '--config-file', '~/no-such-file-of-this-test.yaml']);
  await expect(elsewhere).rejects.toThrow(join(homedir(), 'no-such-file-of-this-test.yaml'));
});

test('a flag beats the file, and environments are merged by name', async () => {
  const flags = [
    '--max-concurrent-tasks',
    '3',
    '--idle-on-complete',
    '0s',
    '--target-dir',
    '/t',
    '-e',
    'B=flag,C=1\\,2',
  ];
  const config = await resolve([...required, ...flags], file);
  expect(config).toMatchObject({ workerId: 'w', maxConcurrentTasks: 3, idleOnComplete: '0s' });
  expect(config.direct.targetDir).toBe('/t');
  expect(config.direct.environment).toMatchObject({ A: 'file', B: 'flag', C: '1,2' });
});

test('the zero value of a flag falls through to the file', async () => {
  const flags = ['--worker-id', '', '--max-concurrent-tasks', '0', '--idle-on-complete', '', '--backend', ''];
  const config = await resolve(['--api-key', 'wk-secret-key', ...flags], file);
  expect(config).toMatchObject({ workerId: 'from-file', maxConcurrentTasks: 2, idleOnComplete: '10m' });
});

test('a limit below zero is no limit', async () => {
  expect((await resolve([...required, '--max-concurrent-tasks', '-1'], file)).maxConcurrentTasks).toBe(Infinity);
});

test('the address of the web socket follows from that of the server, unless it is given', async () => {
  const https = await resolve(required, [], { WARP_SERVER_ROOT_URL: 'https://oz.example.com/' });
  expect(https.webSocketUrl).toBe('wss://oz.example.com/api/v1/selfhosted/worker/ws');
  expect(https.server).toEqual({ rootUrl: 'https://oz.example.com', isConfigured: true });
  const flags = ['--server-root-url', 'http://a:1', '--web-socket-url', 'wss://b/ws'];
  const both = await resolve([...required, ...flags], [], { WARP_SERVER_ROOT_URL: 'https://beaten' });
  expect(both).toMatchObject({ webSocketUrl: 'wss://b/ws', server: { rootUrl: 'http://a:1' } });
});

test.each<[string[], string[], string]>([
  [['--worker-id', 'w'], [], 'An API key is required'],
  [[...required, '--api-key', 'wk-se cret'], [], 'The API key holds a character that no key has'],
  [['--api-key', 'k'], [], 'A worker id is required'],
  [[...required, '--worker-id', 'warp-1'], [], 'The worker id "warp-1" must not start with "warp"'],
  [[...required, '--worker-id', 'a b'], [], 'The worker id "a b" must be'],
  [[...required, '--backend', ''], [], 'No backend is named'],
  [[...required, '--backend', 'docker'], [], 'The docker backend is not yet built'],
  [[...required, '--backend', ''], ['backend:', '  kubernetes: {}'], 'The kubernetes backend is not yet built'],
  [[...required, '--backend', ''], ['backend:', '  command:', '    dispatch_command: x'], 'The command backend'],
  [[...required, '--max-concurrent-tasks', 'two'], [], '--max-concurrent-tasks takes a whole number'],
  [[...required, '--idle-on-complete', 'soon'], [], 'idle_on_complete "soon" is not a duration'],
  [[...required, '--server-root-url', 'ftp://x'], [], 'The server root URL "ftp://x"'],
  [[...required, '--server-root-url', 'http://u:p@x'], [], 'The server root URL holds a user or a password'],
  [[...required, '--web-socket-url', 'x'], [], 'The web socket URL "x"'],
  [[...required, '-e', '=x'], [], '--env "=x" is neither'],
  [[...required, '-e', 'A B=x'], [], '--env "A B=x" is neither'],
  [[...required, '-e', 'MY_KEY'], [], 'The variable MY_KEY holds this worker'],
])('%j with %j is refused', async (args, lines, message) => {
  await expect(resolve(args, lines, { MY_KEY: 'wk-secret-key' })).rejects.toThrow(message);
});

async function resolve(args: string[], lines: string[] = [], host: Record<string, string> = {}): Promise<WorkerConfig> {
  if (lines.length === 0) return resolveConfig(parseFlags(args), host);
  const folder = await mkdtemp(join(tmpdir(), 'config-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'worker.yaml');
  await writeFile(path, lines.join('\n'));
  return resolveConfig(parseFlags([...args, '--config-file', path]), host);
}
