import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../common/logger.ts';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import { insertExecution } from '../../../test/helpers/executions.ts';
import { createManualClock } from '../../../test/helpers/manual-clock.ts';
import { startTestServer, type TestServer } from '../../../test/helpers/test-server.ts';
import { createPeople } from '../auth/people.ts';
import { deriveKey } from '../auth/master-key.ts';
import { hashToken, mintToken } from '../auth/tokens.ts';
import { createApp } from './app.ts';

const clock = createManualClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server[Symbol.asyncDispose]());

const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

async function createRun(): Promise<RunId> {
  const response = await server.api('POST', '/agent/runs', { body: { prompt: 'true' } });
  return ((await response.json()) as { run_id: RunId }).run_id;
}

async function createAgentToken(runId: RunId): Promise<{ token: string; executionId: ExecutionId }> {
  const token = mintToken('run');
  const executionId = await insertExecution(server.database.db, { runId, tokenHash: hashToken(token) });
  return { token, executionId };
}

test('a route that does not say which permission it needs cannot be registered', async () => {
  const app = await createApp({
    log: createLogger({ name: 'test', level: 'error' }),
    authenticate: () => Promise.reject(new Error('not asked')),
  });
  expect(() => app.get('/open', () => 'come in')).toThrow('GET /open does not say which permission it needs');
  await app.close();
});

test.each(['wk-unknown', 'wk-run-unknown', 'unknown'])('the credential %s is refused with 401', async (key) => {
  const response = await server.api('GET', '/agent/runs', withKey(key));
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ type: '/errors/authentication_required' });
});

test('an Authorization header of another kind is refused with 401', async () => {
  const response = await server.api('GET', '/agent/runs', { headers: { authorization: 'Basic d2s6' } });
  expect(response.status).toBe(401);
});

test('a key is taken without its prefix too, as some clients send it', async () => {
  const response = await server.api('GET', '/agent/runs', withKey(server.apiKey.slice('wk-'.length)));
  expect(response.status).toBe(200);
});

test('a key that has expired is refused', async () => {
  const { db } = server.database;
  const key = mintToken('key');
  const expired = { name: 'old', key_suffix: 'x', expires_at: new Date(clock.now()) };
  await db
    .insertInto('api_keys')
    .values({ id: randomUUID(), team_id: server.admin.team.id, key_hash: hashToken(key), ...expired })
    .execute();
  expect((await server.api('GET', '/agent/runs', withKey(key))).status).toBe(401);
});

test('only the SHA-256 of a key is stored', async () => {
  const { key_hash } = await server.database.db
    .selectFrom('api_keys')
    .select('key_hash')
    .where('name', '=', 'test')
    .executeTakeFirstOrThrow();
  expect(key_hash).toEqual(createHash('sha256').update(server.apiKey).digest());
});

test("another team's run is not found, by its id", async () => {
  const runId = await createRun();
  const response = await server.api('GET', `/agent/runs/${runId}`, withKey(await server.createForeignKey()));
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ detail: `There is no run ${runId}.` });
});

test("an agent's token opens its own run alone, and the list shows no other", async () => {
  const [own, other] = [await createRun(), await createRun()];
  const { token } = await createAgentToken(own);
  expect((await server.api('GET', `/agent/runs/${own}`, withKey(token))).status).toBe(200);
  for (const path of ['', '/transcript', '/conversation', '/stream', '/console/stream']) {
    expect((await server.api('GET', `/agent/runs/${other}${path}`, withKey(token))).status).toBe(404);
  }
  const list = await server.api('GET', '/agent/runs', withKey(token));
  expect(((await list.json()) as { runs: { run_id: RunId }[] }).runs.map((run) => run.run_id)).toEqual([own]);
});

test("an agent's token starts, cancels and connects nothing", async () => {
  const runId = await createRun();
  const { token } = await createAgentToken(runId);
  for (const path of ['/agent/runs', `/agent/runs/${runId}/cancel`]) {
    const response = await server.api('POST', path, { ...withKey(token), body: { prompt: 'true' } });
    expect(response.status).toBe(403);
  }
});

test("an agent's token is good until ten minutes after its execution's end", async () => {
  const runId = await createRun();
  const { token, executionId } = await createAgentToken(runId);
  await server.database.db
    .updateTable('executions')
    .set({ ended_at: new Date(clock.now()) })
    .where('id', '=', executionId)
    .execute();
  clock.advance(9 * 60_000);
  expect((await server.api('GET', `/agent/runs/${runId}`, withKey(token))).status).toBe(200);
  clock.advance(2 * 60_000);
  expect((await server.api('GET', `/agent/runs/${runId}`, withKey(token))).status).toBe(401);
});

test('a key may not report in the place of an agent', async () => {
  const runId = await createRun();
  const response = await server.api('PUT', `/agent/runs/${runId}/turns/1`, { body: { state: 'INPROGRESS' } });
  expect(response.status).toBe(403);
});

async function signIn(): Promise<{ link: string; cookie: string }> {
  const { database, masterKey, url, admin } = server;
  const log = createLogger({ name: 'test', level: 'error' });
  const people = createPeople({ pool: database.pool, secret: deriveKey(masterKey, 'sessions'), publicUrl: url, log });
  const link = await people.createSignInLink(admin.user.email);
  const response = await fetch(link, { redirect: 'manual' });
  return { link, cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
}

const withCookie = (cookie: string, headers: Record<string, string> = {}) => ({
  headers: { cookie, 'content-type': 'application/json', ...headers },
});

test('a sign-in link opens a session, once', async () => {
  const { link, cookie } = await signIn();
  const session = await fetch(`${server.url}/api/v1/session`, withCookie(cookie));
  expect(await session.json()).toEqual({ user: server.admin.user, team: server.admin.team });
  const again = await fetch(link, { redirect: 'manual' });
  expect(again.headers.get('location')).toContain('error=INVALID_TOKEN');
  expect(again.headers.getSetCookie()).toEqual([]);
});

test('without a session there is nobody signed in', async () => {
  expect((await fetch(`${server.url}/api/v1/session`)).status).toBe(401);
});

test("a signed-in request that changes something must come from the server's own pages", async () => {
  const { cookie } = await signIn();
  const createFrom = async (origin?: string) => {
    const headers = withCookie(cookie, origin === undefined ? {} : { origin });
    const body = JSON.stringify({ prompt: 'true' });
    return (await fetch(`${server.url}/api/v1/agent/runs`, { method: 'POST', body, ...headers })).status;
  };
  expect(await createFrom('https://evil.test')).toBe(403);
  expect(await createFrom('null')).toBe(403);
  expect(await createFrom()).toBe(403);
  expect(await createFrom(server.url)).toBe(200);
});

test('a run that a person starts says so', async () => {
  const { cookie } = await signIn();
  const response = await fetch(`${server.url}/api/v1/agent/runs`, {
    method: 'POST',
    body: JSON.stringify({ prompt: 'true' }),
    ...withCookie(cookie, { origin: server.url }),
  });
  const { run_id } = (await response.json()) as { run_id: string };
  expect(await (await server.api('GET', `/agent/runs/${run_id}`)).json()).toMatchObject({
    source: 'WEB_APP',
    creator: { type: 'user', uid: server.admin.user.id, display_name: 'Admin' },
  });
});

test('signing out ends the session', async () => {
  const { cookie } = await signIn();
  const headers = withCookie(cookie, { origin: server.url });
  await fetch(`${server.url}/api/auth/sign-out`, { method: 'POST', body: '{}', ...headers });
  expect((await fetch(`${server.url}/api/v1/session`, withCookie(cookie))).status).toBe(401);
});

test.each(['sign-up/email', 'sign-in/email', 'sign-in/magic-link', 'change-email'])(
  'nobody can use /api/auth/%s',
  async (path) => {
    const response = await fetch(`${server.url}/api/auth/${path}`, {
      method: 'POST',
      body: '{"email":"a@b.test"}',
      ...withCookie('', { origin: server.url }),
    });
    expect(response.status).toBe(404);
  },
);
