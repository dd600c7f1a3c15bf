import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { systemClock } from '../../src/common/clock.ts';
import { createLogger } from '../../src/common/logger.ts';
import { openDatabase } from '../../src/server/store/database.ts';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../src/server/store/embedded-postgres/embedded-postgres.ts';
import { migrate } from '../../src/server/store/migrations.ts';

export const templateDatabase = 'template_migrated';
const migrationsFolder = join(import.meta.dirname, '..', '..', 'migrations');

/** One Postgres for the whole run of tests, with a migrated database that each test file gets a copy of. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'emerald-test-'));
  const log = createLogger({ name: 'test-postgres', level: 'error' });
  const postgres = await startEmbeddedPostgres({ dataDir, log, clock: systemClock, durable: false });
  await makeTemplate(postgres, log);
  project.provide('postgres', postgres.address);
  return async () => {
    await postgres.stop();
    await rm(dataDir, { recursive: true });
  };
}

async function makeTemplate({ address }: EmbeddedPostgres, log: ReturnType<typeof createLogger>): Promise<void> {
  const admin = new Client(address);
  await admin.connect();
  await admin.query(`create database ${templateDatabase}`);
  await admin.end();
  const database = openDatabase({ ...address, database: templateDatabase }, log);
  await migrate(database.db, migrationsFolder);
  await database.close();
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: EmbeddedPostgres['address'];
  }
}
