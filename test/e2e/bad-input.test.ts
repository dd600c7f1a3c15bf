import { mkdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { clientEnvironment, oz, startProgram } from '../helpers/programs.ts';
import { serverForFile } from '../helpers/server-for-file.ts';
import { makeWorkerHost } from '../helpers/worker-host.ts';

const { server, apiKey } = await serverForFile();

const unknownRun = '00000000-0000-4000-8000-000000000000';

test.each([
  { name: 'a body that is no JSON', body: '{"prompt": ', status: 400, code: 'invalid_request', says: 'JSON' },
  { name: 'a body without a prompt', body: '{}', status: 400, code: 'invalid_request', says: 'prompt' },
  { name: 'a prompt that is no string', body: '{"prompt": 7}', status: 400, code: 'invalid_request', says: 'prompt' },
  {
    name: 'an unknown harness',
    body: '{"prompt": "x", "config": {"harness": {"type": "vim"}}}',
    status: 400,
    code: 'invalid_request',
    says: 'harness',
  },
  {
    name: 'a reserved host',
    body: '{"prompt": "x", "config": {"worker_host": "warp-1"}}',
    status: 400,
    code: 'invalid_request',
    says: 'worker_host',
  },
  {
    name: 'a body of 20 MB',
    body: JSON.stringify({ prompt: 'x'.repeat(20_000_000) }),
    status: 413,
    code: 'payload_too_large',
    says: '10 MiB',
  },
])('$name is refused with $code, and makes no run.', async ({ body, status, code, says }) => {
  const response = await post('/agent/runs', body);
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  const problem = (await response.json()) as { type: string; detail: string };
  expect(problem.type).toMatch(new RegExp(`/${code}$`));
  expect(problem.detail).toContain(says);
  expect(await countRuns()).toBe(0);
});

test.each([
  ['GET', `/agent/runs/${unknownRun}`],
  ['GET', `/agent/runs/${unknownRun}/transcript`],
  ['GET', `/agent/runs/${unknownRun}/conversation`],
  ['GET', `/agent/runs/${unknownRun}/stream`],
  ['GET', `/agent/runs/${unknownRun}/console/stream`],
  ['POST', `/agent/runs/${unknownRun}/cancel`],
  ['POST', `/agent/tasks/${unknownRun}/cancel`],
])('%s of an unknown run is refused with its id.', async (method, path) => {
  const response = await request(method, path);
  expect(response.status).toBe(404);
  expect(((await response.json()) as { detail: string }).detail).toContain(unknownRun);
});

test.each(['..', '%2e%2e%2fetc', 'a/b', "x'; drop table runs; --", 'NaN'])(
  'The run id %j never becomes a query or a path.',
  async (id) => {
    const response = await request('GET', `/agent/runs/${encodeURIComponent(id)}`);
    expect([400, 404]).toContain(response.status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  },
);

test.each([
  { name: 'an unknown flag', args: ['--colour'], says: '--colour' },
  { name: 'a reserved worker id', args: ['--worker-id', 'warp-1', '--backend', 'direct'], says: 'warp' },
  { name: 'no worker id', args: ['--backend', 'direct'], says: '--worker-id' },
  { name: 'an unknown backend', args: ['--worker-id', 'w', '--backend', 'podman'], says: 'podman' },
  { name: 'a backend of later', args: ['--worker-id', 'w', '--backend', 'docker'], says: 'docker' },
  { name: 'a missing file', args: ['--config-file', '/nonexistent/worker.yaml'], says: '/nonexistent/worker.yaml' },
])('oz-agent-worker refuses $name in one line.', async ({ args, says }) => {
  const { code, stderr } = await startProgram('oz-agent-worker', { args, env: clientEnvironment(server, apiKey) })
    .ended;
  expect(code).toBe(2);
  expect(stderr).toContain(says);
  expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
});

test.each([
  { name: 'an unknown key', yaml: 'worker_id: w\ncolour: red\n', says: 'colour' },
  { name: 'a doubled key', yaml: 'worker_id: w\nworker_id: v\n', says: 'worker_id' },
  { name: 'an empty file', yaml: '', says: 'empty' },
  { name: 'two backends', yaml: 'worker_id: w\nbackend:\n  direct: {}\n  docker: {}\n', says: 'docker' },
  {
    name: 'a bad name',
    yaml: 'worker_id: w\nbackend:\n  direct:\n    environment: [{name: "A B"}]\n',
    says: 'environment.0.name: must not contain whitespace',
  },
  {
    name: 'a missing oz',
    yaml: 'worker_id: w\nbackend:\n  direct:\n    oz_path: /nonexistent/oz\n',
    says: '/nonexistent/oz',
  },
])('A config file with $name is refused, and nothing is made.', async ({ yaml, says }) => {
  await using host = await makeWorkerHost();
  const config = await host.file(
    'worker.yaml',
    yaml.replace('direct:\n', `direct:\n    workspace_root: ${host.workspaces}\n`),
  );
  const worker = startProgram('oz-agent-worker', {
    args: ['--config-file', config],
    env: clientEnvironment(server, apiKey),
  });
  const { code, stderr } = await worker.ended;
  expect([1, 2]).toContain(code);
  expect(stderr).toContain(says);
  expect(await host.listWorkspaces()).toEqual([]);
});

test('A workspace root that cannot be written to is refused by its name.', async () => {
  await using host = await makeWorkerHost();
  const file = await host.file('not-a-folder', '');
  await mkdir(host.path('other'));
  const config = await host.file(
    'worker.yaml',
    `worker_id: w\nbackend:\n  direct:\n    workspace_root: ${file}/below\n    oz_path: ${host.oz}\n`,
  );
  const worker = startProgram('oz-agent-worker', {
    args: ['--config-file', config],
    env: clientEnvironment(server, apiKey),
  });
  const { code, stderr } = await worker.ended;
  expect([1, 2]).toContain(code);
  expect(stderr).toContain(file);
});

test('A refused key ends the worker with exit code 3 and one line.', async () => {
  await using host = await makeWorkerHost();
  const config = await host.file(
    'worker.yaml',
    `worker_id: w\nstate_dir: ${host.path('state')}\nbackend:\n  direct:\n    workspace_root: ${host.workspaces}\n    oz_path: ${host.oz}\n`,
  );
  const worker = startProgram('oz-agent-worker', {
    args: ['--config-file', config],
    env: clientEnvironment(server, 'wk-wrong'),
  });
  const { code, stderr } = await worker.ended;
  expect(code).toBe(3);
  expect(stderr).toContain('key');
  expect(worker.output()).not.toContain('wk-wrong');
});

test.each([
  { args: ['run', 'get', unknownRun], code: 1, says: unknownRun },
  { args: ['run', 'get', 'not-an-id'], code: 2, says: 'not-an-id' },
  { args: ['run', 'list', '--colour'], code: 2, says: '--colour' },
  { args: ['run', 'list', '--jq', '.['], code: 2, says: '--jq' },
  { args: ['run', 'lst'], code: 2, says: 'lst' },
  { args: ['agent', 'run-cloud'], code: 2, says: '--prompt' },
  { args: ['agent', 'run-cloud', '--prompt', 'x', '--harness', 'vim'], code: 2, says: 'vim' },
])('oz $args is refused with exit code $code.', async ({ args, code, says }) => {
  const finished = await oz(args, clientEnvironment(server, apiKey));
  expect(finished.code).toBe(code);
  expect(finished.stderr).toContain(says);
});

test('oz-server refuses an unknown flag, a bad value, a taken port and a folder in use, in one line each.', async () => {
  const serve = (...args: string[]) => startProgram('oz-server', { args }).ended;
  expect(await serve('--colour')).toMatchObject({ code: 2, stderr: expect.stringContaining('--colour') });
  expect(await serve('--port', '70000')).toMatchObject({ code: 2, stderr: expect.stringContaining('70000') });
  expect(await serve('--lost-after', 'soon')).toMatchObject({ code: 2, stderr: expect.stringContaining('soon') });
  const { port } = new URL(server.url);
  await using host = await makeWorkerHost();
  const taken = await serve('--port', port, '--data-dir', host.path('data'));
  expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining(port) });
  const beside = await serve('--port', '0', '--data-dir', server.dataDir);
  expect(beside).toMatchObject({ code: 1, stderr: expect.stringContaining(server.dataDir) });
});

function post(path: string, body: string): Promise<Response> {
  return request('POST', path, body);
}

function request(method: string, path: string, body?: string): Promise<Response> {
  return fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body }),
  });
}

async function countRuns(): Promise<number> {
  const list = (await (await request('GET', '/agent/runs')).json()) as { runs: unknown[] };
  return list.runs.length;
}
