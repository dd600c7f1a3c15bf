import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/helpers/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

test('a connection that was killed is replaced by the next query', async () => {
  const { rows } = await database.pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  const admin = new Client(database.address);
  await admin.connect();
  const gone = new Promise((resolve) => database.pool.once('remove', resolve));
  await admin.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
  await Promise.all([gone, admin.end()]);
  expect(await database.db.selectFrom('runs').selectAll().execute()).toEqual([]);
});

test('the address as a URL leads to the same database', async () => {
  const client = new Client(database.url);
  await client.connect();
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  await client.end();
  expect(rows[0]?.name).toBe(database.address.database);
});
