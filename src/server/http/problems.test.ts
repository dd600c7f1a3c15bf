import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import { createLogger } from '../../common/logger.ts';
import { problemSchema } from '../../protocol/errors.ts';
import { startTestServer, type TestServer } from '../../../test/helpers/test-server.ts';
import { createApp } from './app.ts';
import { openDatabase } from '../store/database.ts';
import { startEmbeddedPostgres } from '../store/embedded-postgres/embedded-postgres.ts';
import { migrate } from '../store/migrations.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const unknownRun = '00000000-0000-4000-8000-000000000000';

interface BadRequest {
  name: string;
  method?: string;
  path?: string;
  body?: unknown;
  headers?: Record<string, string>;
  status?: number;
  code?: string;
  says: string;
}

const cursorAt = (at: string) =>
  Buffer.from(JSON.stringify(['updated_at', 'asc', at, unknownRun])).toString('base64url');

const badRequests: BadRequest[] = [
  { name: 'no JSON', body: '{"prompt":', says: 'is not JSON' },
  { name: 'no body', headers: { 'content-type': 'application/json' }, says: 'is not JSON' },
  { name: 'a body of another kind', body: 'x', headers: { 'content-type': 'text/csv' }, says: 'application/json' },
  { name: 'no prompt', body: {}, says: 'Body field `prompt` is required, unless a skill is given.' },
  { name: 'a prompt that is no text', body: { prompt: 1 }, says: 'Body field `prompt` is not valid' },
  {
    name: 'a nested mistake',
    body: { prompt: 'x', config: { harness: { type: 'vim' } } },
    says: '`config.harness.type`',
  },
  { name: 'a name with NUL', body: { prompt: 'x', config: { name: 'a\0b' } }, says: 'config.name contains a NUL' },
  { name: 'a skill with NUL', body: { config: { skill_spec: 'a\0b' } }, says: 'config.skill_spec contains a NUL' },
  {
    name: 'too large a config',
    body: { prompt: 'x', config: { extra: 'x'.repeat(1 << 20) } },
    says: 'config is longer',
  },
  {
    name: 'lists within lists',
    body: `{"prompt":"x","config":{"extra":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}}`,
    says: 'nested deeper than 100',
  },
  { name: 'plain text', body: '{"prompt":"x"}', headers: { 'content-type': 'text/plain' }, says: 'application/json' },
  { name: 'a path that is no text', method: 'GET', path: '/agent/runs/%ff', says: 'percent-encoded' },
  ...['2026-13-01 00:00:00+00', '2026-02-30 00:00:00+00', '0000-01-01 00:00:00+00', '2026-01-01 00:00:00+99'].map(
    (at) => ({
      name: `a cursor at ${at}`,
      method: 'GET',
      path: `/agent/runs?cursor=${cursorAt(at)}`,
      says: 'The cursor',
    }),
  ),
  { name: 'a list as body', body: [], says: 'Body is not valid' },
  {
    name: 'too large a body',
    body: { prompt: 'x'.repeat(11 << 20) },
    status: 413,
    code: 'payload_too_large',
    says: '10 MiB',
  },
  {
    name: 'an empty Idempotency-Key',
    body: { prompt: 'x' },
    headers: { 'idempotency-key': '' },
    says: 'Idempotency-Key',
  },
  { name: 'a limit that is no number', method: 'GET', path: '/agent/runs?limit=many', says: 'Query field `limit`' },
  { name: 'a foreign cursor', method: 'GET', path: '/agent/runs?cursor=abc', says: 'The cursor "abc"' },
  { name: 'an unknown state', method: 'GET', path: '/agent/runs?state=DONE', says: 'Query field `state.0`' },
  { name: 'a malformed id', method: 'GET', path: '/agent/runs/..%2Fetc', says: '"../etc" is not a run\'s id' },
  {
    name: 'an upper-case id',
    method: 'GET',
    path: `/agent/runs/${'A'.repeat(8)}-0000-4000-8000-000000000000`,
    says: 'is not a run',
  },
  {
    name: 'a foreign event id',
    method: 'GET',
    path: `/agent/runs/${unknownRun}/stream`,
    status: 404,
    code: 'resource_not_found',
    says: unknownRun,
  },
  {
    name: 'an unknown run',
    method: 'GET',
    path: `/agent/runs/${unknownRun}`,
    status: 404,
    code: 'resource_not_found',
    says: unknownRun,
  },
  {
    name: 'an unknown route',
    method: 'GET',
    path: '/agent/nothing',
    status: 404,
    code: 'resource_not_found',
    says: '/api/v1/agent/nothing',
  },
  {
    name: 'a method that is not there',
    method: 'DELETE',
    path: '/agent/runs',
    status: 404,
    code: 'resource_not_found',
    says: 'DELETE',
  },
];

test.each(badRequests)('$name is refused in words, as a problem', async (bad) => {
  const { method = 'POST', path = '/agent/runs', status = 400, code = 'invalid_request', body, headers, says } = bad;
  const response = await server.api(method, path, { body, ...(headers && { headers }) });
  const problem = problemSchema.parse(await response.json());
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  expect(response.status).toBe(status);
  expect(problem).toMatchObject({ type: `/errors/${code}`, status, instance: new URL(response.url).pathname });
  expect(problem.detail).toContain(says);
});

test('what is refused changes nothing', async () => {
  const runs = await server.database.db.selectFrom('runs').select('id').execute();
  expect(runs).toEqual([]);
});

test('a conflict tells official clients not to retry', async () => {
  const send = (prompt: string) =>
    server.api('POST', '/agent/runs', { body: { prompt }, headers: { 'idempotency-key': 'once' } });
  await send('one');
  const response = await send('another');
  expect(response.status).toBe(409);
  expect(response.headers.get('x-should-retry')).toBe('false');
});

test('a body that no request announces is answered, not waited for', async () => {
  expect(await exchange('NONSENSE\r\n\r\n')).toContain('400 Bad Request');
});

/** What the server answers to these bytes, until it hangs up or has said `enough`. */
async function exchange(request: string, enough?: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(request);
  let answer = '';
  for await (const chunk of socket.setEncoding('utf8') as AsyncIterable<string>) {
    answer += chunk;
    if (enough !== undefined && answer.includes(enough)) break;
  }
  return answer;
}

test('a Host header that is no name is refused where an address is made of it', async () => {
  const answer = await exchange(
    'GET /api/auth/magic-link/verify?token=x HTTP/1.1\r\nHost: a b[\r\nConnection: close\r\n\r\n',
  );
  expect(answer).toContain('400 Bad Request');
  expect(answer).toContain('The Host header');
});

test('a client that offers HTTP/2 is answered as any other', async () => {
  const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__';
  const answer = await exchange(`GET /healthz HTTP/1.1\r\nHost: a\r\n${offer}\r\n\r\n`, '"ok"');
  expect(answer).toContain('200 OK');
});

test('when the database is out of disk space the answer is 503 and when to come again', async () => {
  const app = await createApp({
    log: createLogger({ name: 'test', level: 'error' }),
    authenticate: () => Promise.reject(new Error('not asked')),
  });
  app.get('/full', { config: { permission: 'public' } }, () => {
    throw Object.assign(new Error('could not extend file: No space left on device'), { code: '53100' });
  });
  const response = await app.inject('/full');
  expect(response.statusCode).toBe(503);
  expect(response.headers['retry-after']).toBe('1');
  expect(response.json()).toMatchObject({ type: '/errors/resource_unavailable', retryable: true });
  await app.close();
});

test('while the database is away the answer is 503 and when to come again', async () => {
  const database = await createSeparateDatabase();
  await using other = await startTestServer({ database });
  await database.stopPostgres();
  const response = await other.api('GET', '/agent/runs');
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await response.json()).toMatchObject({ type: '/errors/resource_unavailable', retryable: true });
  expect((await fetch(`${other.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${other.url}/healthz`)).status).toBe(200);
});

/** A migrated database in a Postgres of its own, which can be taken away. */
async function createSeparateDatabase() {
  const dataDir = await mkdtemp(join(tmpdir(), 'emerald-away-'));
  const log = createLogger({ name: 'test', level: 'error' });
  const postgres = await startEmbeddedPostgres({ dataDir, log, clock: systemClock, durable: false });
  const { db, pool, close } = openDatabase(postgres.address, createLogger({ name: 'test', level: 'error' }));
  await migrate(db, join(import.meta.dirname, '../../../migrations'));
  return {
    db,
    pool,
    address: postgres.address,
    url: '',
    stopPostgres: () => postgres.stop(),
    async close() {
      await close();
      await rm(dataDir, { recursive: true });
    },
  };
}
