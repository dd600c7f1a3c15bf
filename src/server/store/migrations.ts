import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration, type MigrationProvider } from 'kysely/migration';
import { CodedError } from '../../protocol/errors.ts';
import type { Schema } from './schema.ts';

const appliedTable = 'migrations';

/**
 * Brings the database up to this program, one migration and one transaction after the other; servers that start at once
 * take turns. A database that knows more than this program is refused and stays as it is.
 */
export async function migrate(db: Kysely<Schema>, migrationsFolder: string): Promise<void> {
  const migrator = createMigrator(db, migrationsFolder);
  await refuseDowngrade(db, migrationsFolder);
  for (;;) {
    const { error, results = [] } = await migrator.migrateUp();
    if (error !== undefined) throw error as Error;
    if (results.length === 0) return;
  }
}

/** Whether every migration of this program is applied. */
export async function isMigrated(db: Kysely<Schema>, migrationsFolder: string): Promise<boolean> {
  const [known, applied] = await Promise.all([knownMigrations(migrationsFolder), appliedMigrations(db)]);
  return known.every((name) => applied.includes(name));
}

function createMigrator(db: Kysely<Schema>, migrationsFolder: string): Migrator {
  return new Migrator({
    db,
    provider: sqlFiles(migrationsFolder),
    migrationTableName: appliedTable,
    migrationLockTableName: 'migrations_lock',
  });
}

/** Migrations are plain SQL, read from files whose names give the order. */
function sqlFiles(folder: string): MigrationProvider {
  return {
    async getMigrations() {
      const names = await knownMigrations(folder);
      return Object.fromEntries(names.map((name) => [name, fromFile(join(folder, `${name}.sql`))]));
    },
  };
}

function fromFile(path: string): Migration {
  return {
    async up(db) {
      await sql.raw(await readFile(path, 'utf8')).execute(db);
    },
  };
}

async function refuseDowngrade(db: Kysely<Schema>, folder: string): Promise<void> {
  const [known, applied] = await Promise.all([knownMigrations(folder), appliedMigrations(db)]);
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new CodedError(
    'operation_not_supported',
    `The database is at ${applied.at(-1)}, and this program knows migrations up to ${known.at(-1)}: a downgrade is not ` +
      `possible. Start the newer program, or restore a backup that the older one made.`,
  );
}

async function knownMigrations(folder: string): Promise<string[]> {
  const files = await readdir(folder);
  return files
    .filter((file) => /^\d{4}_\w+\.sql$/.test(file))
    .map((file) => file.slice(0, -'.sql'.length))
    .toSorted();
}

async function appliedMigrations(db: Kysely<Schema>): Promise<string[]> {
  const table = await sql<{ found: string | null }>`select to_regclass(${appliedTable}) as found`.execute(db);
  if (!table.rows[0]?.found) return [];
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(appliedTable)} order by name`.execute(db);
  return rows.map((row) => row.name);
}
