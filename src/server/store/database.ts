import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool, type PoolConfig } from 'pg';
import type { Logger } from '../../common/logger.ts';
import { CodedError } from '../../protocol/errors.ts';
import { preparingPool } from './prepared-statements.ts';
import type { Schema } from './schema.ts';

export type Database = Kysely<Schema>;

export interface OpenDatabase {
  db: Database;
  /** The same connections, for a library that brings its own queries. */
  pool: Pool;
  /** Waits for the queries that run. */
  close: () => Promise<void>;
}

/** The oldest Postgres that the schema works with. */
const oldestVersion = 14;

/**
 * Opens a pool of connections, made when first needed. One that breaks is replaced by the next query that wants one, so a
 * database that comes back needs nothing done.
 */
export function openDatabase(address: PoolConfig, log: Logger): OpenDatabase {
  const pool = new Pool({
    max: 20,
    connectionTimeoutMillis: 10_000,
    application_name: 'emerald-server',
    ...address,
  });
  // The error as a whole drags the connection's inner state along.
  pool.on('error', ({ message }) => {
    if (!pool.ending) log.warn({ reason: message }, 'An idle connection to the database broke.');
  });
  // Without a listener, one that breaks while it is lent out, yet between queries, would end the whole process. Its next
  // query rejects, which is where the failure is told.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: preparingPool(pool) }) });
  return { db, pool, close: () => db.destroy() };
}

/** Refuses a Postgres that is too old, by its version. */
export async function checkPostgresVersion(db: Database): Promise<void> {
  const { rows } = await sql<{ server_version: string }>`show server_version`.execute(db).catch(refuseUnusable);
  const version = rows[0]?.server_version ?? 'unknown';
  if (Number.parseInt(version, 10) >= oldestVersion) return;
  throw new CodedError(
    'operation_not_supported',
    `DATABASE_URL leads to Postgres ${version}; ${oldestVersion} or newer is needed.`,
  );
}

function refuseUnusable(cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new CodedError('resource_unavailable', `The database cannot be used: ${reason}.`, { cause });
}
