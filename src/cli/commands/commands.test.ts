import { afterEach, beforeEach, expect, test } from 'vitest';
import { fakeRunId, startFakeApi, type FakeApi } from '../../../test/helpers/fake-api.ts';
import { startOz } from '../../../test/helpers/oz-source.ts';

/** The commands against a server, the program being a process of its own. */

let api: FakeApi;

beforeEach(async () => {
  api = await startFakeApi();
});
afterEach(() => api[Symbol.asyncDispose]());

const start = (args: readonly string[], env: Record<string, string> = {}) =>
  startOz(args, { WARP_SERVER_ROOT_URL: api.url, WARP_API_KEY: 'test', ...env });
const oz = (args: readonly string[], env?: Record<string, string>) => start(args, env).ended;

const at = '2026-08-01T10:00:00.000Z';
const entries = [
  { type: 'user_message', index: 0, turn: 1, at, text: 'echo hello\nexit 3' },
  { type: 'tool_call', index: 1, turn: 1, at, tool: 'run_command', input: {} },
  { type: 'delta', index: 2, turn: 1, at, extends: 1, stream: 'stdout', text: 'hello' },
  { type: 'tool_result', index: 3, turn: 1, at, call: 1, state: 'failed', output: { exit_code: 3 } },
] as const;

function event(name: string, id: string, data: unknown): string {
  return `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}
const entryEvents = entries.map((entry) => event('entry', `1.${entry.index}`, entry));
const stateEvent = (state: string, message?: string) =>
  event('state', '1.-1', { sequence: 1, state, status_message: message ? { message } : null, occurred_at: at });
const endEvent = (state: string) => event('end', '2.3', { state });

test('the key gets its prefix, and the request says who makes it', async () => {
  await oz(['run', 'list']);
  expect(api.requests[0]?.headers).toMatchObject({ authorization: 'Bearer wk-test', 'x-oz-api-source': 'CLI' });
  await oz(['run', 'list', '--api-key', 'wk-other'], { GITHUB_ACTIONS: 'true' });
  expect(api.requests[1]?.headers).toMatchObject({
    authorization: 'Bearer wk-other',
    'x-oz-api-source': 'GITHUB_ACTION',
  });
});

test('run list as JSON is the body of the server, with fields that this version does not know', async () => {
  const { code, stdout } = await oz(['run', 'list', '--output-format', 'json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ runs: [{ run_id: fakeRunId, field_of_a_newer_server: 1 }] });
  expect(stdout).toContain('\n  "runs"');
});

test('run list as NDJSON is a run a line', async () => {
  const { stdout } = await oz(['run', 'list'], { WARP_OUTPUT_FORMAT: 'ndjson' });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  expect(JSON.parse(stdout)).toMatchObject({ run_id: fakeRunId });
});

test('run list as text is an aligned table', async () => {
  const { stdout } = await oz(['run', 'list', '--output-format', 'text']);
  const [heading = '', line = ''] = stdout.split('\n');
  expect(heading).toMatch(/^RUN ID +STATE +HARNESS +HOST +CREATED +TITLE$/);
  expect(line.indexOf('CLAIMED')).toBe(heading.indexOf('STATE'));
  expect(line.indexOf('Say hello')).toBe(heading.indexOf('TITLE'));
});

test('run list for people is cards, without colour where nobody looks, and without tricks in a title', async () => {
  api.run.title = 'harmless\u001b[2J title';
  const { stdout } = await oz(['run', 'list']);
  expect(stdout).toContain('CLAIMED  harmless [2J title\n');
  expect(stdout).toContain(`  Run:       ${fakeRunId}\n`);
  expect(stdout).not.toContain('\u001b');
});

test('the flags of run list become its query', async () => {
  const flags = [
    '-L',
    '5',
    '--state',
    'in-progress',
    '--state',
    'queued',
    '--sort-by',
    'created-at',
    '--sort-order',
    'asc',
  ];
  await oz(['run', 'list', ...flags, '--cursor', 'c1']);
  expect(api.requests[0]?.path).toBe(
    '/agent/runs?limit=5&state=INPROGRESS&state=QUEUED&sort_by=created_at&sort_order=asc&cursor=c1',
  );
});

test('--jq filters the body, and prints strings without quotes', async () => {
  await expect(oz(['run', 'get', fakeRunId, '--jq', '.title, .children'])).resolves.toMatchObject({
    code: 0,
    stdout: 'Say hello\n[]\n',
  });
  const { code, stderr } = await oz(['run', 'get', fakeRunId, '--jq', '.title.name']);
  expect(code).toBe(1);
  expect(stderr).toContain('Cannot index string');
});

test('run get shows a run, and its conversation', async () => {
  const { stdout } = await oz(['run', 'get', fakeRunId.toUpperCase()]);
  expect(stdout).toContain('Say hello');
  const conversation = await oz(['run', 'get', fakeRunId, '--conversation']);
  expect(JSON.parse(conversation.stdout)).toMatchObject({ steps: [] });
});

test('run cancel says what becomes of the run', async () => {
  await expect(oz(['run', 'cancel', fakeRunId])).resolves.toMatchObject({
    code: 0,
    stdout: `Run ${fakeRunId} is being cancelled.\n`,
  });
  expect(api.requests[0]).toMatchObject({ method: 'POST', path: `/agent/runs/${fakeRunId}/cancel` });
});

test('a refusal is told in the words of the server, a refused key in those of the official client', async () => {
  api.spoil = () => ({ refuse: 'resource_not_found', detail: `There is no run ${fakeRunId}.` });
  await expect(oz(['run', 'cancel', fakeRunId])).resolves.toMatchObject({
    code: 1,
    stdout: '',
    stderr: `Error: There is no run ${fakeRunId}.\n`,
  });
  api.spoil = () => ({ refuse: 'authentication_required' });
  const { stderr } = await oz(['run', 'list']);
  expect(stderr).toBe(
    "Error: Your API key is invalid. Please provide a valid key via '--api-key' or the WARP_API_KEY environment variable.\n",
  );
});

test('run logs shows what is there', async () => {
  api.streams = [{ pieces: entryEvents, end: 'close' }];
  const { code, stdout, stderr } = await oz(['run', 'logs', fakeRunId]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe('> echo hello\n> exit 3\n[run_command]\nhello\n[exit code 3]\n');
  expect(api.requests[0]?.path).toContain('follow=false');
});

test('run logs as JSON is the transcript, as NDJSON an entry a line', async () => {
  api.entries.push(...entries);
  const json = await oz(['run', 'logs', fakeRunId, '--output-format', 'json']);
  expect(JSON.parse(json.stdout)).toEqual({ run_id: fakeRunId, entries });
  api.streams = [{ pieces: entryEvents, end: 'close' }];
  const lines = await oz(['run', 'logs', fakeRunId, '--output-format', 'ndjson']);
  expect(
    lines.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(entries);
});

test('run logs --follow shows states on standard error, and outlives a cut line', async () => {
  api.streams = [
    { pieces: [stateEvent('INPROGRESS'), ...entryEvents.slice(0, 2)], end: 'cut' },
    {
      pieces: [...entryEvents.slice(2), stateEvent('FAILED', 'The script exited with code 3.'), endEvent('FAILED')],
      end: 'open',
    },
  ];
  const { code, stdout, stderr } = await oz(['run', 'logs', fakeRunId, '--follow']);
  expect(code).toBe(0);
  expect(stdout).toBe('> echo hello\n> exit 3\n[run_command]\nhello\n[exit code 3]\n');
  expect(stderr).toBe('Agent state: INPROGRESS\nAgent state: FAILED: The script exited with code 3.\n');
});

test('run logs --console prints raw bytes', async () => {
  const bytes = Buffer.from([0xff, 0x00, 0x1b, 0x0a]);
  const chunk = { stream: 'setup', offset: 0, data: bytes.toString('base64') };
  api.streams = [{ pieces: [event('console', '1', chunk)], end: 'close' }];
  const running = start(['run', 'logs', fakeRunId, '--console']);
  await running.ended;
  expect(running.stdout()).toEqual(bytes);
});

test('a followed run that stays in the queue says why, once', async () => {
  api.run.state = 'QUEUED';
  api.run.status_message = { message: 'No worker `gpu-1` is connected.' };
  api.streams = [{ pieces: [stateEvent('QUEUED')], end: 'open' }];
  const running = start(['run', 'logs', fakeRunId, '--follow']);
  const looks = () => api.requests.filter(({ path }) => path === `/agent/runs/${fakeRunId}`).length;
  await expect.poll(looks).toBe(2);
  running.child.kill('SIGINT');
  const { stderr } = await running.ended;
  expect(stderr).toBe('Agent state: QUEUED\nWaiting: No worker `gpu-1` is connected.\n');
});

test('Ctrl-C ends a followed log', async () => {
  api.streams = [{ pieces: entryEvents, end: 'open' }];
  const running = start(['run', 'logs', fakeRunId, '--follow']);
  await expect.poll(() => running.stdout().toString()).toContain('hello');
  running.child.kill('SIGINT');
  await expect(running.ended).resolves.toMatchObject({ code: 130, stderr: '' });
});

test('Ctrl-C leaves a run that was waited for alone, and says how to end it', async () => {
  api.streams = [{ pieces: entryEvents, end: 'open' }];
  const running = start(['agent', 'run-cloud', '--prompt', 'x', '--wait']);
  await expect.poll(() => running.stdout().toString()).toContain('hello');
  running.child.kill('SIGINT');
  const { code, stderr } = await running.ended;
  expect({ code, stderr }).toEqual({
    code: 130,
    stderr: `The run goes on; \`oz run cancel ${fakeRunId}\` ends it.\n`,
  });
});

test('a reader that has seen enough is no failure', async () => {
  // More than a pipe holds: the program is still writing when its reader leaves.
  const long = Array.from({ length: 50 }, (_, index) => ({ ...entries[2], index, text: 'x'.repeat(60_000) }));
  api.streams = [{ pieces: long.map((entry) => event('entry', `1.${entry.index}`, entry)), end: 'open' }];
  const running = start(['run', 'logs', fakeRunId, '--follow']);
  running.child.stdout?.once('data', () => running.child.stdout?.destroy());
  await expect(running.ended).resolves.toMatchObject({ code: 0, stderr: '' });
});

test('run-cloud sends what its flags say, and shows where to look', async () => {
  const flags = [
    '--host',
    'gpu-1',
    '--harness',
    'shell',
    '--name',
    'nightly',
    '--title',
    'T',
    '--no-computer-use',
    '--team',
  ];
  const { code, stdout } = await oz(['agent', 'run-cloud', '--prompt', 'echo hello', ...flags]);
  expect(code).toBe(0);
  expect(stdout).toBe(`Spawned ambient agent with run ID: ${fakeRunId}\nView run: ${api.url}/runs/${fakeRunId}\n`);
  expect(api.created).toEqual([
    {
      prompt: 'echo hello',
      title: 'T',
      team: true,
      config: { name: 'nightly', worker_host: 'gpu-1', computer_use_enabled: false, harness: { type: 'shell' } },
    },
  ]);
});

test('the model of another harness is that harness its own', async () => {
  await oz(['agent', 'run-cloud', '-p', 'x', '--model', 'm1']);
  await oz(['agent', 'run-cloud', '-p', 'x', '--model', 'm1', '--harness', 'claude-code']);
  expect(api.created.map(({ config }) => config)).toEqual([
    { model_id: 'm1' },
    { harness: { type: 'claude', model_id: 'm1' } },
  ]);
});

test.for([
  { state: 'SUCCEEDED', exitCode: 0 },
  { state: 'FAILED', exitCode: 1 },
  { state: 'CANCELLED', exitCode: 1 },
])('run-cloud --wait follows the run; $state exits with $exitCode', async ({ state, exitCode }) => {
  api.streams = [{ pieces: [...entryEvents, stateEvent(state), endEvent(state)], end: 'open' }];
  const { code, stdout, stderr } = await oz(['agent', 'run-cloud', '--prompt', 'x', '--harness', 'shell', '--wait']);
  expect(code).toBe(exitCode);
  expect(stdout).toContain('hello\n');
  expect(stderr).toContain(`Agent state: ${state}\n`);
});

test('a managed run takes the arguments that a worker passes, and reports its outcome', async () => {
  const { code, stdout } = await oz(
    [
      `agent run --share team:edit --task-id ${fakeRunId} --sandboxed --server-root-url ${api.url}`,
      '--no-computer-use --harness shell --share public:view --no-snapshot',
      '--snapshot-upload-timeout 120s --snapshot-script-timeout 60s',
      '--idle-on-complete --session-sharing-server-url wss://sessions.example',
    ].flatMap((line) => line.split(' ')),
  );
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `Run ID: ${fakeRunId}\nOpen in Oz: ${api.url}/runs/${fakeRunId}\nhello\n`,
  });
  expect(api.reports).toEqual([{ state: 'INPROGRESS' }, { state: 'SUCCEEDED' }]);
});

test('a managed run outlives those who read what it prints', async () => {
  api.run.prompt = 'for i in 1 2 3 4 5; do echo $i; sleep 0.1; done; echo over';
  const running = start(['agent', 'run', '--task-id', fakeRunId]);
  running.child.stdout?.once('data', () => running.child.stdout?.destroy());
  await expect(running.ended).resolves.toMatchObject({ code: 0 });
  expect(api.reports.at(-1)).toEqual({ state: 'SUCCEEDED' });
});

test('a managed run that is told to stop exits with 143 and leaves the outcome to the worker', async () => {
  api.run.prompt = 'echo started; sleep 1000';
  const running = start(['agent', 'run', '--task-id', fakeRunId]);
  await expect.poll(() => running.stdout().toString()).toContain('started');
  running.child.kill('SIGTERM');
  await expect(running.ended).resolves.toMatchObject({ code: 143 });
  expect(api.reports).toEqual([{ state: 'INPROGRESS' }]);
});

test('a managed run needs the token of its run', async () => {
  const { code, stderr } = await startOz(['agent', 'run', '--task-id', fakeRunId]).ended;
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'Error: There is no token for the run: a worker passes it in the environment variable WARP_API_KEY.\n',
  });
});
