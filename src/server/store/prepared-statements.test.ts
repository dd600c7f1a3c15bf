import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/helpers/postgres.ts';
import { createLogger } from '../../common/logger.ts';
import { openDatabase, type OpenDatabase } from './database.ts';

let database: TestDatabase;
/** With one connection, so that every statement meets the same. */
let single: OpenDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
  single = openDatabase({ ...database.address, max: 1 }, createLogger({ name: 'test', level: 'error' }));
});
afterEach(async () => {
  await single.close();
  await database.close();
});

const findTeam = (name: string) => single.db.selectFrom('teams').select('name').where('name', '=', name).execute();

async function preparedTexts(): Promise<string[]> {
  const { rows } = await single.pool.query<{ statement: string }>('select statement from pg_prepared_statements');
  return rows.map(({ statement }) => statement);
}

test('a statement is prepared once a connection, whatever its values', async () => {
  await findTeam('one');
  await findTeam('two');
  expect(await preparedTexts()).toEqual([expect.stringContaining('from "teams" where "name" = $1')]);
});

test('behind a pooler that forgets prepared statements, they are run without', async () => {
  await single.db.insertInto('teams').values({ id: crypto.randomUUID(), name: 'one' }).execute();
  expect(await findTeam('one')).toHaveLength(1);
  await single.pool.query('deallocate all');
  expect(await findTeam('one')).toHaveLength(1);
  await findTeam('two');
  expect(await preparedTexts()).toEqual([]);
});

test('a column of another type meanwhile, as another version’s migration may make it, fails no statement', async () => {
  await findTeam('one');
  await single.pool.query('alter table teams alter column name type varchar(100)');
  expect(await findTeam('one')).toEqual([]);
});

test('within a transaction nothing depends on what the connection remembers', async () => {
  await findTeam('one');
  await single.pool.query('deallocate all');
  const found = await single.db
    .transaction()
    .execute((transaction) => transaction.selectFrom('teams').select('name').where('name', '=', 'one').execute());
  expect(found).toEqual([]);
});

test('a connection keeps a limited number of them', async () => {
  for (let count = 1; count <= 210; count++) {
    await sql`select ${sql.lit(count)} from teams where name = ${'one'}`.execute(single.db);
  }
  expect(await preparedTexts()).toHaveLength(200);
});

test('a statement over a long list is not kept: each length of the list would be another', async () => {
  const names = Array.from({ length: 33 }, (_, index) => `team ${index}`);
  await single.db.selectFrom('teams').select('name').where('name', 'in', names).execute();
  expect(await preparedTexts()).toEqual([]);
});
