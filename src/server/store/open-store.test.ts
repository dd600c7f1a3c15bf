import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/helpers/postgres.ts';
import { systemClock } from '../../common/clock.ts';
import { createLogger } from '../../common/logger.ts';
import { connectToStore, openStore } from './open-store.ts';

const log = createLogger({ name: 'test', level: 'error' });
const migrationsFolder = join(import.meta.dirname, '../../../migrations');
const dataDir = '/nonexistent';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

test('with DATABASE_URL that Postgres is used, and none is started', async () => {
  const store = await openStore({
    databaseUrl: database.url,
    dataDir,
    migrationsFolder,
    log,
    clock: systemClock,
    stop: new AbortController().signal,
  });
  await store.db.insertInto('teams').values({ id: '00000000-0000-4000-8000-000000000000', name: 'Here' }).execute();
  await store.close();
  const beside = await connectToStore({ databaseUrl: database.url, dataDir }, log);
  expect(await beside.db.selectFrom('teams').select('name').execute()).toEqual([{ name: 'Here' }]);
  await beside.close();
});

test('a DATABASE_URL that leads nowhere is an error at once', async () => {
  const databaseUrl = 'postgres://nobody@127.0.0.1:1/nothing';
  const opening = openStore({
    databaseUrl,
    dataDir,
    migrationsFolder,
    log,
    clock: systemClock,
    stop: new AbortController().signal,
  });
  await expect(opening).rejects.toMatchObject({
    code: 'resource_unavailable',
    message: 'The database cannot be used: connect ECONNREFUSED 127.0.0.1:1.',
  });
});
