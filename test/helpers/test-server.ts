import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../src/common/clock.ts';
import { createLogger } from '../../src/common/logger.ts';
import { createApiKey } from '../../src/server/auth/api-keys.ts';
import { makeFirstAdmin } from '../../src/server/auth/first-boot.ts';
import { readConfig } from '../../src/server/config.ts';
import { createServer } from '../../src/server/server.ts';
import { findMember, type Membership } from '../../src/server/store/people.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

const root = join(import.meta.dirname, '..', '..');

/** A server within the test's own process, with a database of its own, its first admin and a key of their team. */
export interface TestServer extends AsyncDisposable {
  url: string;
  database: TestDatabase;
  admin: Membership;
  apiKey: string;
  masterKey: Buffer;
  /** A request below /api/v1 with the API key, unless it brings a credential of its own. */
  api(method: string, path: string, options?: ApiOptions): Promise<Response>;
  /** The key of another team. */
  createForeignKey(): Promise<string>;
}

export interface ApiOptions {
  body?: unknown;
  headers?: Record<string, string>;
  redirect?: 'manual';
  signal?: AbortSignal;
}

export interface TestServerOptions {
  clock?: Clock;
  /** Another than a database of its own in the tests' Postgres; the server closes it. */
  database?: TestDatabase;
  /** The built web app; there is none without. */
  webFolder?: string;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { clock = systemClock, database = await createTestDatabase() } = options;
  const { db, pool } = database;
  await makeFirstAdmin(db);
  const admin = await findMember(db, undefined);
  if (!admin) throw new Error('There is no admin.');
  const { key } = await createApiKey(db, { teamId: admin.team.id, name: 'test' });
  const masterKey = randomBytes(32);
  const server = await createServer(readConfig({ port: '0' }, {}), {
    db,
    pool,
    clock,
    log: createLogger({ name: 'test', level: 'error' }),
    masterKey,
    migrationsFolder: join(root, 'migrations'),
    webFolder: options.webFolder ?? join(root, 'test', 'helpers'),
  });
  const url = await server.listen();
  return {
    url,
    database,
    admin,
    apiKey: key,
    masterKey,
    api: (method, path, options) => callApi(`${url}/api/v1${path}`, method, key, options),
    createForeignKey: () => createForeignKey(database),
    async [Symbol.asyncDispose]() {
      await server.close();
      await database.close();
    },
  };
}

async function callApi(url: string, method: string, key: string, options: ApiOptions = {}): Promise<Response> {
  const { body, headers, ...rest } = options;
  return await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...rest,
  });
}

async function createForeignKey({ db }: TestDatabase): Promise<string> {
  const teamId = randomUUID();
  await db.insertInto('teams').values({ id: teamId, name: 'Others' }).execute();
  return (await createApiKey(db, { teamId, name: 'others' })).key;
}
