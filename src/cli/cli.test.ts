import { expect, test } from 'vitest';
import { startOz } from '../../test/helpers/oz-source.ts';
import { version } from '../common/version.ts';

/** The command line itself: what is said and exited with before any server is asked. */

const runId = '01a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8';
const oz = (args: readonly string[], env?: Record<string, string>) => startOz(args, env).ended;

test('without arguments it shows its help', async () => {
  const { code, stdout } = await oz([]);
  expect(code).toBe(0);
  expect(stdout).toContain('Usage: oz');
});

test('help goes as deep as it is asked', async () => {
  const { code, stdout } = await oz(['help', 'run', 'list']);
  expect({ code, isOfList: stdout.startsWith('Usage: oz run list') }).toEqual({ code: 0, isOfList: true });
});

test.for([['--version'], ['-V']])('%s shows the version', async (args) => {
  await expect(oz(args)).resolves.toMatchObject({ code: 0, stdout: `oz ${version}\n` });
});

test.for([
  ['help', 'run'],
  ['run', '--help'],
  ['task', 'list', '--help'],
  ['agent', 'ra', '--help'],
  ['r', '--help'],
])('%s shows help or is no command', async (args) => {
  const { code, stdout } = await oz(args);
  expect({ code, isHelp: stdout.startsWith('Usage: oz') }).toEqual({ code: 0, isHelp: true });
});

test.for([
  { args: ['lst'], says: "unknown command 'lst'" },
  { args: ['run'], says: 'Usage: oz run' },
  { args: ['run', 'list', '--colour'], says: "unknown option '--colour'" },
  { args: ['run', 'list', '--limit', '0'], says: '1 to 500' },
  { args: ['run', 'list', '--state', 'asleep'], says: 'asleep' },
  { args: ['run', 'list', '--creator', 'me'], says: '`--creator` is not available in this version yet' },
  { args: ['run', 'list', '--jq', '.['], says: '--jq' },
  { args: ['run', 'get'], says: 'ID' },
  { args: ['run', 'logs', runId, '--follow', '--jq', '.'], says: '--jq' },
  { args: ['run', 'logs', runId, '--console', '--jq', '.'], says: '--jq' },
  { args: ['run', 'get', 'not-an-id'], says: 'not-an-id' },
  { args: ['run', 'list', '--output-format', 'xml'], says: 'xml' },
  { args: ['run', 'list', '--server-root-url', 'localhost:8080'], says: 'localhost:8080' },
  { args: ['agent', 'run'], says: '--prompt' },
  { args: ['agent', 'run', '--prompt', 'x'], says: '--harness shell' },
  { args: ['agent', 'run', '--prompt', 'x', '--harness', 'vim'], says: 'vim' },
  { args: ['agent', 'run', '--prompt', 'x', '--harness', 'shell', '--skill', 's'], says: '--skill' },
  { args: ['agent', 'run', '--prompt', 'x', '--task-id', runId], says: '--task-id' },
  { args: ['agent', 'run', '--task-id', '00000000-0000-0000-0000-000000000000'], says: '--task-id' },
  { args: ['agent', 'run', '--prompt', 'x', '--cwd', '/no/such/folder'], says: '/no/such/folder' },
  { args: ['agent', 'run', '--prompt', 'x', '--computer-use', '--no-computer-use'], says: '--no-computer-use' },
  { args: ['agent', 'run', '--prompt', 'x', '--remove-repository-origins'], says: '--task-id' },
  { args: ['agent', 'run', '--prompt', 'x', '--bedrock-role-region', 'eu-1'], says: '--bedrock-inference-role' },
  { args: ['agent', 'run', '--prompt', 'x', '--share', 'everybody'], says: 'everybody' },
  { args: ['agent', 'run', '--prompt', 'x', '--share'], says: '--share' },
  { args: ['agent', 'run', '--prompt', 'x', '--idle-on-complete'], says: '--idle-on-complete' },
  { args: ['agent', 'run', '--prompt', 'x', '--idle-on-complete', 'soon'], says: 'soon' },
  { args: ['agent', 'run-cloud'], says: '--prompt' },
  { args: ['agent', 'run-cloud', '--prompt', 'x', '--mcp', '{}'], says: '--mcp' },
  { args: ['agent', 'run-cloud', '--prompt', 'x', '--personal'], says: '--personal' },
  { args: ['agent', 'run-cloud', '--prompt', 'x', '--claude-auth-secret', 's'], says: '--claude-auth-secret' },
])('oz $args is a wrong command line', async ({ args, says }) => {
  const { code, stdout, stderr } = await oz(args, { WARP_API_KEY: 'wk-test' });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(says);
  expect(stderr).toMatch(/--help/);
});

test('without a key it says where one comes from', async () => {
  const { code, stderr } = await oz(['run', 'list']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Error: There is no API key: set the environment variable WARP_API_KEY or pass --api-key\./);
  expect(stderr).toContain('`oz-server api-key create`');
});

test('a key that no header can carry is refused, and not repeated', async () => {
  const { code, stderr } = await oz(['run', 'list'], { WARP_API_KEY: 'wk-clé' });
  expect(code).toBe(2);
  expect(stderr).toContain('The API key holds a character that no key has');
  expect(stderr).not.toContain('clé');
});

test('a server that is not there is named', async () => {
  const { code, stderr } = await oz(['--api-key', 'x', 'run', 'list', '--server-root-url', 'http://127.0.0.1:1']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Error: The server at http:\/\/127\.0\.0\.1:1 cannot be reached: .+ --server-root-url .+\n$/);
});

test('an unmanaged run needs no server, and exits as its script did', async () => {
  const shell = ['agent', 'run', '--harness', 'shell', '--prompt'];
  await expect(oz([...shell, 'echo out; echo err >&2'])).resolves.toMatchObject({
    code: 0,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  await expect(oz([...shell, 'exit 3'])).resolves.toMatchObject({
    code: 1,
    stderr: 'Error: The script exited with code 3.\n',
  });
});

test('an empty environment variable counts as none', async () => {
  const nothing = { WARP_OUTPUT_FORMAT: '', WARP_SERVER_ROOT_URL: '', WARP_AGENT_CONFIG_FILE: '', OZ_IDLE_ON_FAIL: '' };
  const running = oz(['agent', 'run', '--harness', 'shell', '--prompt', 'echo out'], nothing);
  await expect(running).resolves.toMatchObject({ code: 0, stdout: 'out\n', stderr: '' });
});

test('a flag that stands where a value must is a value', async () => {
  const { code, stdout } = await oz([
    'agent',
    'run',
    '--harness',
    'shell',
    '--prompt',
    '--version 2>/dev/null; echo $?',
  ]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '127\n' });
});

test('an unmanaged run as JSON is one object a line, without secrets', async () => {
  const args = [
    'agent',
    'run',
    '--harness',
    'shell',
    '--output-format',
    'json',
    '--prompt',
    'echo "$MY_TOKEN"; exit 3',
  ];
  const { code, stdout } = await oz(args, { MY_TOKEN: 'hunter22' });
  expect(code).toBe(1);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { type: 'tool_call', tool: 'run_command', command: 'echo "$MY_TOKEN"; exit 3' },
    { type: 'tool_output', tool: 'run_command', stream: 'stdout', text: '***\n' },
    { type: 'tool_result', tool: 'run_command', state: 'failed', exit_code: 3 },
  ]);
});

test('Ctrl-C ends an unmanaged run and all that it has started', async () => {
  const running = startOz(['agent', 'run', '--harness', 'shell', '--prompt', 'echo started; sleep 1000']);
  await expect.poll(() => running.stdout().toString()).toBe('started\n');
  running.child.kill('SIGINT');
  await expect(running.ended).resolves.toMatchObject({ code: 130, stderr: '' });
});
