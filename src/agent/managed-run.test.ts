import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fakeRunId, startFakeApi, type FakeApi } from '../../test/helpers/fake-api.ts';
import { createRecording } from '../../test/helpers/recording.ts';
import { systemClock, type Clock } from '../common/clock.ts';
import { createProcessTable } from '../process/process-table.ts';
import { unsentCallSchema, unsentFile, type UnsentCall } from '../protocol/unsent.ts';
import { runManaged, type ManagedRun } from './managed-run.ts';

let api: FakeApi;
let workspace: string;

beforeEach(async () => {
  api = await startFakeApi();
  workspace = await mkdtemp(join(tmpdir(), 'managed-run-'));
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
  await rm(workspace, { recursive: true });
});

/** Waits pass fifty times as fast: those between tries, and those for a server that is away. */
const hasty: Clock = {
  now: () => systemClock.now() * 50,
  after: (delay, done) => systemClock.after(delay / 50, done),
};

function start(prompt: string, task: Partial<ManagedRun> = {}) {
  api.run.prompt = prompt;
  const show = createRecording();
  const outcome = runManaged({
    runId: fakeRunId,
    rootUrl: api.url,
    token: 'wk-run-token-of-this-run',
    flags: {},
    cwd: workspace,
    env: { PATH: process.env['PATH'], WARP_API_KEY: 'wk-run-token-of-this-run', DB_PASSWORD: 'hunter22' },
    cliPath: '/opt/oz',
    show,
    onStart: () => {},
    clock: hasty,
    stop: new AbortController().signal,
    ...task,
  });
  return { outcome, show };
}

function transcript(): string {
  return api.entries.map((entry) => ('text' in entry ? entry.text : `[${entry.type}]`)).join('|');
}

test('a run is fetched, begun, played and ended, in this order and with the headers of its agent', async () => {
  await expect(start('echo hello').outcome).resolves.toEqual({ state: 'SUCCEEDED' });
  expect(api.reports).toEqual([{ state: 'INPROGRESS' }, { state: 'SUCCEEDED' }]);
  expect(transcript()).toBe('echo hello|[tool_call]|hello\n|[tool_result]');
  const calls = api.requests.map(({ method, path }) => `${method} ${path.replace(fakeRunId, 'ID')}`);
  expect([calls[0], calls[1], calls[2], calls.at(-1)]).toEqual([
    'GET /agent/runs/ID',
    'PUT /agent/runs/ID/turns/1',
    'POST /agent/runs/ID/transcript',
    'PUT /agent/runs/ID/turns/1',
  ]);
  for (const { headers } of api.requests) {
    expect(headers).toMatchObject({
      authorization: 'Bearer wk-run-token-of-this-run',
      'x-warp-cloud-agent-id': fakeRunId,
      'x-oz-api-source': 'CLI',
    });
  }
});

test('a second execution goes on with the numbering of the first', async () => {
  const at = '2026-08-01T10:00:00Z';
  api.entries.push({ index: 0, turn: 1, at, type: 'event', name: 'before', data: {} });
  await start('echo hello').outcome;
  expect(api.entries.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
});

test('a script that fails ends the run FAILED, in words', async () => {
  const { outcome } = start('exit 3');
  const failure = { message: 'The script exited with code 3.', error_code: 'agent_failed' };
  await expect(outcome).resolves.toEqual({ state: 'FAILED', status_message: failure });
  expect(api.reports.at(-1)).toEqual({ state: 'FAILED', status_message: failure });
});

test('the script learns who it is', async () => {
  api.run.parent_run_id = '31a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8' as typeof api.run.run_id;
  const { outcome, show } = start('env | grep -E "^(OZ|WARP)_(RUN|PARENT|CLI|HARNESS)" | sort');
  await outcome;
  expect(show.output().trim().split('\n')).toEqual([
    'OZ_CLI=/opt/oz',
    'OZ_HARNESS=shell',
    'OZ_PARENT_RUN_ID=31a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8',
    `OZ_RUN_ID=${fakeRunId}`,
    'WARP_CLI=/opt/oz',
    'WARP_HARNESS=shell',
    'WARP_PARENT_RUN_ID=31a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8',
    `WARP_RUN_ID=${fakeRunId}`,
  ]);
});

test('the token and what looks secret leave masked, in the prompt, the output and what the agent shows', async () => {
  const { outcome, show } = start('echo "$WARP_API_KEY $DB_PASSWORD"; echo hunter22');
  await outcome;
  expect(transcript()).toBe('echo "$WARP_API_KEY $DB_PASSWORD"; echo ***|[tool_call]|*** ***\n***\n|[tool_result]');
  expect(show.output()).toBe('*** ***\n***\n');
  expect(JSON.stringify([api.entries, show.told])).not.toContain('hunter22');
});

test.for([
  { config: { harness: { type: 'claude' as const } }, says: '`claude`' },
  { config: {}, says: '`oz`' },
  { config: { harness: { type: 'shell' as const }, environment_id: 'env-1' }, says: 'env-1' },
  { config: { harness: { type: 'shell' as const }, skill_spec: 'tidy' }, says: 'tidy' },
  { config: { harness: { type: 'shell' as const }, mcp_servers: { linear: {} } }, says: 'linear' },
])('what this version cannot do ends the run by name: $says', async ({ config, says }) => {
  api.run.agent_config = config;
  const outcome = await start('echo hello').outcome;
  expect(outcome).toMatchObject({ state: 'FAILED', status_message: { error_code: 'feature_not_available' } });
  expect(outcome.status_message?.message).toContain(says);
  expect(api.reports.at(-1)).toEqual(outcome);
  expect(transcript()).toBe('echo hello');
});

test("the run's own harness stands before the flag's", async () => {
  api.run.agent_config = { harness: { type: 'shell' } };
  await expect(start('true', { flags: { harness: 'claude' } }).outcome).resolves.toEqual({ state: 'SUCCEEDED' });
  api.run.agent_config = {};
  await expect(start('true', { flags: { harness: 'shell' } }).outcome).resolves.toEqual({ state: 'SUCCEEDED' });
});

test('a fenced agent ends its harness and reports nothing', async () => {
  const { outcome, show } = start('echo $$; while :; do echo more; sleep 0.05; done');
  await expect.poll(() => show.output()).toContain('more');
  api.spoil = () => ({ refuse: 'conflict', detail: 'A newer execution has begun.' });
  await expect(outcome).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('A newer execution'),
  });
  expect(api.reports).toEqual([{ state: 'INPROGRESS' }]);
  const living = await createProcessTable().snapshot();
  expect(living.map(({ group }) => group)).not.toContain(Number(show.output().split('\n')[0]));
});

test('an agent whose turn is refused starts nothing', async () => {
  api.spoil = ({ method }) => (method === 'PUT' ? { refuse: 'conflict', detail: 'It is over.' } : undefined);
  const { outcome, show } = start('echo hello');
  await expect(outcome).rejects.toThrow('It is over.');
  expect(show.told).toEqual([]);
});

test('told to stop, it ends the harness, sends what was said and leaves the outcome to the worker', async () => {
  const stop = new AbortController();
  const { outcome, show } = start("trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.05; done", {
    stop: stop.signal,
    clock: systemClock,
  });
  await expect.poll(() => show.output()).toContain('hello');
  stop.abort(new Error('stopped by the worker'));
  await expect(outcome).rejects.toThrow('stopped by the worker');
  expect(api.reports).toEqual([{ state: 'INPROGRESS' }]);
  expect(transcript()).toContain('hello\n');
  expect(transcript()).toContain('bye\n');
});

test('told to stop while the server is away, it does not wait for it long', async () => {
  const stop = new AbortController();
  const { outcome, show } = start('echo hello; sleep 1000', { stop: stop.signal });
  await expect.poll(() => show.output()).toContain('hello');
  api.spoil = () => ({ cut: 'before' });
  stop.abort(new Error('stopped by the worker'));
  await expect(outcome).rejects.toThrow('stopped by the worker');
});

test('a server that is away at the end gets everything when it is back', async () => {
  const { outcome, show } = start('echo hello; sleep 0.2; echo more');
  await expect.poll(() => show.output()).toContain('hello');
  let refused = 0;
  api.spoil = ({ method }) => {
    refused += 1;
    if (method === 'PUT') return refused % 2 ? { cut: 'after' } : undefined;
    return refused < 8 ? { refuse: 'resource_unavailable' } : undefined;
  };
  await expect(outcome).resolves.toEqual({ state: 'SUCCEEDED' });
  expect(api.reports).toEqual([{ state: 'INPROGRESS' }, { state: 'SUCCEEDED' }]);
  expect(transcript().replace('hello\n|more', 'hello\nmore')).toBe(
    'echo hello; sleep 0.2; echo more|[tool_call]|hello\nmore\n|[tool_result]',
  );
});

test('a server that is not there for ten minutes gets no run begun, and is named', async () => {
  api.spoil = () => ({ cut: 'before' });
  const impatient: Clock = { ...systemClock, after: (delay, done) => systemClock.after(delay / 1_000, done) };
  const { outcome, show } = start('true', { clock: impatient });
  await expect(outcome).rejects.toThrow(
    `The server at ${api.url} could not be reached within 10 minutes: nothing was begun.`,
  );
  expect(show.told).toEqual([]);
});

test.each(['authentication_required', 'resource_not_found', 'invalid_request', 'payload_too_large'] as const)(
  'an agent whose entries are refused with %s ends its harness and itself',
  async (code) => {
    api.spoil = ({ method, path }) =>
      method === 'POST' && path.endsWith('/transcript') ? { refuse: code } : undefined;
    await expect(start('exec sleep 1000').outcome).rejects.toMatchObject({ code });
    expect(api.reports).toEqual([{ state: 'INPROGRESS' }]);
  },
);

test('an agent whose outcome is refused ends itself', async () => {
  api.spoil = ({ body }) =>
    (body as { state?: string } | undefined)?.state === 'SUCCEEDED' ? { refuse: 'authentication_required' } : undefined;
  await expect(start('true').outcome).rejects.toMatchObject({ code: 'authentication_required' });
});

test('an outcome that nobody takes for ten minutes is given up, and said to be', async () => {
  api.spoil = ({ body }) =>
    (body as { state?: string } | undefined)?.state === 'SUCCEEDED' ? { cut: 'before' } : undefined;
  const impatient: Clock = { ...systemClock, after: (delay, done) => systemClock.after(delay / 1_000, done) };
  await expect(start('true', { clock: impatient }).outcome).rejects.toThrow(
    'The outcome SUCCEEDED could not be delivered within 10 minutes.',
  );
});

function unsentCalls(folder: string): UnsentCall[] {
  const lines = existsSync(join(folder, unsentFile))
    ? readFileSync(join(folder, unsentFile), 'utf8').split('\n')
    : [''];
  expect(lines.pop()).toBe('');
  return lines.map((line) => unsentCallSchema.parse(JSON.parse(line)));
}

const unsentText = (folder: string) => JSON.stringify(unsentCalls(folder));

test('what the server does not answer is kept on disk within a second, and forgotten when it has it', async () => {
  api.spoil = ({ path }) => (path.endsWith('/transcript') ? { cut: 'before' } : undefined);
  const { outcome } = start('echo hello; until [ -e go ]; do sleep 0.05; done', {
    unsentFolder: workspace,
    clock: systemClock,
  });
  // Whatever comes now, SIGKILL included, the worker finds it there.
  await expect.poll(() => unsentText(workspace), { timeout: 5_000 }).toContain('hello\\n');
  api.spoil = () => undefined;
  await writeFile(join(workspace, 'go'), '');
  await expect(outcome).resolves.toEqual({ state: 'SUCCEEDED' });
  expect(unsentCalls(workspace)).toEqual([]);
});

test('with a folder of the worker, nothing is left in the temporary one, whatever becomes of the agent', async () => {
  const { outcome, show } = start('echo $0', { unsentFolder: workspace });
  await outcome;
  expect(show.output()).toMatch(new RegExp(`^${workspace}/oz-agent-`));
});

test('told to stop while the server is away, it leaves what was said', async () => {
  const stop = new AbortController();
  const { outcome, show } = start("trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.05; done", {
    stop: stop.signal,
    unsentFolder: workspace,
  });
  await expect.poll(() => show.output()).toContain('hello');
  api.spoil = () => ({ cut: 'before' });
  stop.abort(new Error('stopped by the worker'));
  await expect(outcome).rejects.toThrow('stopped by the worker');
  expect(unsentText(workspace)).toContain('bye\\n');
  expect(unsentText(workspace)).not.toContain('report_turn');
});

test('an outcome that nobody takes for two minutes is left behind all entries, and the agent ends by it', async () => {
  api.spoil = ({ method, body }) =>
    method === 'POST' || (body as { state?: string } | undefined)?.state === 'FAILED' ? { cut: 'before' } : undefined;
  const impatient: Clock = { ...systemClock, after: (delay, done) => systemClock.after(delay / 100, done) };
  const failure = { message: 'The script exited with code 3.', error_code: 'agent_failed' as const };
  const { outcome } = start('echo hello; exit 3', { clock: impatient, unsentFolder: workspace });
  await expect(outcome).resolves.toEqual({ state: 'FAILED', status_message: failure });
  const calls = unsentCalls(workspace);
  const entries = calls.flatMap((call) => (call.call === 'append_entries' ? call.entries : []));
  expect(entries.map(({ index }) => index)).toEqual(entries.map((_, index) => index));
  expect(entries.at(-1)?.type).toBe('tool_result');
  expect(calls.at(-1)).toEqual({
    call: 'report_turn',
    turn: 1,
    report: { state: 'FAILED', status_message: failure },
  });
});

test('an outcome that cannot be left either is waited with as before', async () => {
  api.spoil = ({ body }) =>
    (body as { state?: string } | undefined)?.state === 'SUCCEEDED' ? { cut: 'before' } : undefined;
  const impatient: Clock = { ...systemClock, after: (delay, done) => systemClock.after(delay / 1_000, done) };
  await mkdir(join(workspace, unsentFile));
  await expect(start('true', { clock: impatient, unsentFolder: workspace }).outcome).rejects.toThrow(
    'within 10 minutes.',
  );
});
