import { randomUUID } from 'node:crypto';
import { Client, type ClientConfig, type Pool } from 'pg';
import { inject } from 'vitest';
import { createLogger } from '../../src/common/logger.ts';
import { openDatabase, type Database } from '../../src/server/store/database.ts';
import { templateDatabase } from './postgres-setup.ts';

export interface TestDatabase {
  db: Database;
  pool: Pool;
  address: ClientConfig;
  /** The same as `DATABASE_URL` takes it, for a program of its own. */
  url: string;
  /** Drops the database; fails if anything but `db` is still connected to it. */
  close(): Promise<void>;
}

/** A migrated, empty database of the caller's own: a copy of the template, made in some 50 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin((admin) => admin.query(`create database ${name} template ${templateDatabase}`));
  const address = { ...inject('postgres'), database: name };
  const database = openDatabase(address, createLogger({ name: 'test', level: 'error' }));
  return {
    db: database.db,
    pool: database.pool,
    address,
    url: toUrl(address),
    async close() {
      await database.close();
      await asAdmin((admin) => dropUnused(admin, name));
    },
  };
}

/** A closed connection takes Postgres a moment to notice, hence the patience; `drop database` itself waits up to 5 s. */
async function dropUnused(admin: Client, name: string): Promise<void> {
  await admin.query(`drop database ${name}`);
}

async function asAdmin(work: (admin: Client) => Promise<unknown>): Promise<void> {
  const admin = new Client(inject('postgres'));
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

function toUrl({ user, password, host, port, database }: ReturnType<typeof inject<'postgres'>>): string {
  const query = new URLSearchParams({ host, port: String(port) });
  return `postgres://${user}:${password}@/${database}?${query.toString()}`;
}
