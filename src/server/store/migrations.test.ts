import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/helpers/postgres.ts';
import { isMigrated, migrate } from './migrations.ts';

let database: TestDatabase;
let folder: string;
const made: { database: TestDatabase; folder: string }[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'emerald-migrations-'));
  made.push({ database, folder });
  // The template is migrated; what these tests apply comes first in an emptied database.
  await sql`drop schema public cascade; create schema public`.execute(database.db);
});

afterAll(async () => {
  for (const each of made) {
    await each.database.close();
    await rm(each.folder, { recursive: true });
  }
});

const add = (name: string, text: string) => writeFile(join(folder, `${name}.sql`), text);

async function tables(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = 'public' and tablename not like 'migrations%'
    order by tablename`.execute(database.db);
  return rows.map((row) => row.name);
}

test('migrations are applied in order, once each, and later ones follow', async () => {
  await add('0001_first', 'create table one (a int); insert into one values (1);');
  await migrate(database.db, folder);
  await add('0002_second', 'create table two as select a + 1 as b from one;');
  expect(await isMigrated(database.db, folder)).toBe(false);
  await migrate(database.db, folder);
  expect(await tables()).toEqual(['one', 'two']);
  expect(await isMigrated(database.db, folder)).toBe(true);
});

test('one that fails leaves nothing of itself, and those before it stay', async () => {
  await add('0001_first', 'create table one (a int);');
  await add('0002_broken', 'create table two (a int); create table two (a int);');
  await expect(migrate(database.db, folder)).rejects.toThrow('already exists');
  expect(await tables()).toEqual(['one']);
  await add('0002_broken', 'create table two (a int);');
  await migrate(database.db, folder);
  expect(await tables()).toEqual(['one', 'two']);
});

test('servers that start at once take turns', async () => {
  await add('0001_first', 'create table one (a int); insert into one values (1);');
  await add('0002_second', 'create table two (a int);');
  await Promise.all([1, 2, 3].map(() => migrate(database.db, folder)));
  expect(await tables()).toEqual(['one', 'two']);
});

test('a database that a newer program has migrated is refused, naming both versions', async () => {
  await add('0001_first', 'create table one (a int);');
  await add('0002_newer', 'create table two (a int);');
  await migrate(database.db, folder);
  const older = await mkdtemp(join(tmpdir(), 'emerald-migrations-'));
  onTestFinished(() => rm(older, { recursive: true }));
  await writeFile(join(older, '0001_first.sql'), 'create table one (a int);');
  await expect(migrate(database.db, older)).rejects.toMatchObject({
    code: 'operation_not_supported',
    message: expect.stringMatching(/0002_newer.*0001_first.*downgrade/) as string,
  });
});
