import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { CodedError } from '../../protocol/errors.ts';
import { checkPostgresVersion, openDatabase, type OpenDatabase } from './database.ts';
import { isDatabaseDown } from './database-down.ts';
import { findEmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres/embedded-postgres.ts';
import { migrate } from './migrations.ts';
import { throughOutage } from './through-outage.ts';

/** Where the database is: an operator's own, or else the embedded one of a data folder. */
export interface StoreLocation {
  databaseUrl?: string | undefined;
  dataDir: string;
}

export interface OpenStoreOptions extends StoreLocation {
  migrationsFolder: string;
  log: Logger;
  clock: Clock;
  /** Gives up waiting for the database, with the signal's reason. */
  stop: AbortSignal;
}

/** Whether a server has already made, or was given, its database. */
export async function hasStore({ databaseUrl, dataDir }: StoreLocation): Promise<boolean> {
  return databaseUrl !== undefined || (await findEmbeddedPostgres(dataDir)) !== undefined;
}

/** Opens the server's database, migrated; `close` stops the embedded one too. */
export async function openStore(options: OpenStoreOptions): Promise<OpenDatabase> {
  const { databaseUrl, log } = options;
  if (databaseUrl !== undefined) {
    const database = openDatabase({ connectionString: databaseUrl }, log);
    return await prepare(database, options, () => database.close());
  }
  const postgres = await startEmbeddedPostgres(options);
  const database = openDatabase(postgres.address, log);
  const close = async () => {
    await database.close();
    await postgres.stop();
  };
  return await prepare(database, options, close, (work) => throughOutage(options, work));
}

/** The database of a server that runs already, for a command beside it. */
export async function connectToStore({ databaseUrl, dataDir }: StoreLocation, log: Logger): Promise<OpenDatabase> {
  const address = databaseUrl === undefined ? await findEmbeddedPostgres(dataDir) : { connectionString: databaseUrl };
  const nothingRuns = `No server runs on the data folder ${dataDir}. Start one with \`oz-server\`, or name its folder with --data-dir.`;
  if (address === undefined) throw new CodedError('resource_unavailable', nothingRuns);
  const database = openDatabase(address, log);
  try {
    await checkPostgresVersion(database.db);
    return database;
  } catch (cause) {
    await database.close();
    if (databaseUrl !== undefined || !isDatabaseDown((cause as Error).cause)) throw cause;
    throw new CodedError('resource_unavailable', nothingRuns, { cause });
  }
}

async function prepare(
  database: OpenDatabase,
  { migrationsFolder }: OpenStoreOptions,
  close: () => Promise<void>,
  patiently = (work: () => Promise<void>) => work(),
): Promise<OpenDatabase> {
  try {
    await patiently(async () => {
      await checkPostgresVersion(database.db);
      await migrate(database.db, migrationsFolder);
    });
    return { ...database, close };
  } catch (error) {
    await close();
    throw error;
  }
}
