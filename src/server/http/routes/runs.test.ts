import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunItem, RunList } from '../../../protocol/runs.ts';
import { createManualClock } from '../../../../test/helpers/manual-clock.ts';
import { startTestServer, type TestServer } from '../../../../test/helpers/test-server.ts';

const clock = createManualClock();
const total = 25;
let server: TestServer;
let created: string[];

beforeAll(async () => {
  server = await startTestServer({ clock });
  created = [];
  // Five at a time share an instant, so that pages must also hold runs of one instant apart.
  for (let index = 0; index < total; index++) {
    if (index % 5 === 0) clock.advance(1_000);
    created.push(await createRun({ prompt: `echo ${index}` }));
  }
});
afterAll(() => server[Symbol.asyncDispose]());

async function createRun(body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<string> {
  const response = await server.api('POST', '/agent/runs', { body, headers });
  return ((await response.json()) as { run_id: string }).run_id;
}

async function list(query: string): Promise<RunList> {
  return (await (await server.api('GET', `/agent/runs?${query}`)).json()) as RunList;
}

async function listAll(query: string): Promise<RunItem[]> {
  const first = await list(query);
  const runs = [...first.runs];
  for (let { page_info } = first; page_info.next_cursor !== undefined;) {
    const next = await list(`${query}&cursor=${page_info.next_cursor}`);
    runs.push(...next.runs);
    page_info = next.page_info;
  }
  return runs;
}

test.each(['created_at', 'updated_at'])('pages by %s show every run once, in either order', async (sortBy) => {
  const down = await listAll(`limit=4&sort_by=${sortBy}`);
  const up = await listAll(`limit=7&sort_by=${sortBy}&sort_order=asc`);
  expect(new Set(down.map((run) => run.run_id))).toEqual(new Set(created));
  expect(down).toHaveLength(total);
  expect(up.map((run) => run.run_id)).toEqual(down.map((run) => run.run_id).toReversed());
  const instants = up.map((run) => run[sortBy as 'created_at']);
  expect(instants).toEqual(instants.toSorted((one, other) => one.localeCompare(other)));
});

test('a run that is made while somebody pages moves nothing', async () => {
  const first = await list('limit=10');
  const late = await createRun({ prompt: 'late' });
  const second = await list(`limit=100&cursor=${first.page_info.next_cursor}`);
  expect(second.runs).toHaveLength(total - 10);
  expect(second.runs.map((run) => run.run_id)).not.toContain(late);
  await server.database.db
    .deleteFrom('runs')
    .where('id', '=', late as RunItem['run_id'])
    .execute();
});

test('the last page says so', async () => {
  const { page_info } = await list('limit=100');
  expect(page_info).toEqual({ has_next_page: false });
});

test('the list can be narrowed to states', async () => {
  expect((await list('state=QUEUED&limit=100')).runs).toHaveLength(total);
  expect((await list('state=FAILED&state=ERROR')).runs).toEqual([]);
});

test('a queued run says why it waits, and everything that official clients read', async () => {
  const id = await createRun(
    { prompt: 'echo hello', title: 'Hello', config: { worker_host: 'gpu-1', future_field: 1 }, metadata: { a: 'b' } },
    { 'x-oz-api-source': 'CLI' },
  );
  expect(await (await server.api('GET', `/agent/runs/${id}`)).json()).toMatchObject({
    run_id: id,
    task_id: id,
    title: 'Hello',
    state: 'QUEUED',
    source: 'CLI',
    status_message: { message: 'No worker `gpu-1` is connected.' },
    creator: { type: 'service_account', display_name: 'test' },
    agent_config: { worker_host: 'gpu-1' },
    metadata: { a: 'b' },
    children: [],
    started_at: null,
    is_sandbox_running: false,
    scope: { type: 'Team', uid: server.admin.team.id },
  });
});

test('a run leaves out what it has not got, as the published API has it', async () => {
  const id = await createRun({ prompt: 'true' });
  const run = (await (await server.api('GET', `/agent/runs/${id}`)).json()) as Record<string, unknown>;
  expect(Object.keys(run).filter((field) => run[field] === null)).toEqual(['started_at']);
});

test.each(['/agent/run', '/agent/runs'])('POST %s answers with both names of the id', async (path) => {
  const response = await server.api('POST', path, { body: { prompt: 'true' } });
  const { run_id, task_id, state } = (await response.json()) as Record<string, string>;
  expect({ status: response.status, state }).toEqual({ status: 200, state: 'QUEUED' });
  expect(task_id).toBe(run_id);
});

test.each(['runs', 'tasks'])('POST /agent/%s/{id}/cancel answers the id as JSON, and once only', async (noun) => {
  const id = await createRun({ prompt: 'true' });
  const response = await server.api('POST', `/agent/${noun}/${id}/cancel`);
  expect(response.headers.get('content-type')).toContain('application/json');
  expect(await response.json()).toBe(id);
  expect((await server.api('POST', `/agent/${noun}/${id}/cancel`)).status).toBe(400);
});

test('a repeated request with an Idempotency-Key makes one run', async () => {
  const [one, other] = [
    await createRun({ prompt: 'once' }, { 'idempotency-key': 'k' }),
    await createRun({ prompt: 'once' }, { 'idempotency-key': 'k' }),
  ];
  expect(other).toBe(one);
});

test('nobody is connected at first', async () => {
  expect(await (await server.api('GET', '/agent/connected-self-hosted-workers')).json()).toEqual({ workers: [] });
});

test('/openapi.json describes every route below /api/v1', async () => {
  const description = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: object };
  expect(Object.keys(description.paths)).toEqual(
    expect.arrayContaining([
      '/api/v1/agent/run',
      '/api/v1/agent/runs',
      '/api/v1/agent/runs/{runId}',
      '/api/v1/agent/runs/{runId}/cancel',
      '/api/v1/agent/runs/{runId}/conversation',
      '/api/v1/agent/runs/{runId}/stream',
      '/api/v1/agent/runs/{runId}/transcript',
      '/api/v1/agent/runs/{runId}/turns/{turn}',
      '/api/v1/agent/connected-self-hosted-workers',
    ]),
  );
});
