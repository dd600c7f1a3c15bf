import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../common/clock.ts';
import { sleep } from '../../../common/clock.ts';
import { createBackoff } from '../../../common/backoff.ts';
import { makeFolder } from '../../../common/make-folder.ts';
import type { Logger } from '../../../common/logger.ts';
import { CodedError } from '../../../protocol/errors.ts';
import { throughOutage } from '../through-outage.ts';
import { findBinaries, type PostgresBinaries } from './binaries.ts';
import { makeDatabaseOnce } from './first-boot.ts';
import { holdDatabase, type Hold } from './hold.ts';
import { addressOf, layoutOf, type Layout, type PostgresAddress } from './layout.ts';
import { findPostmaster } from './lock-files.ts';
import { endProcess } from './processes.ts';

/**
 * A Postgres of the server's own, in its data folder.
 *
 * ```
 * starting → held ⇄ restarting
 *    └─────────┴─────────┴──→ stopped
 * ```
 *
 * Held means: it answers, and this process holds the lock that keeps a second server off the folder. The lock lives on
 * a connection of its own, and that connection's end is how the death of Postgres is noticed, whoever started it.
 */
export interface EmbeddedPostgres {
  address: PostgresAddress;
  /** Ends Postgres in order; resolves when its process is gone. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  dataDir: string;
  log: Logger;
  clock: Clock;
  /** Gives up the start, with the signal's reason. */
  stop?: AbortSignal;
  /** Whether a commit survives a power cut; only tests do without. */
  durable?: boolean;
}

/** Makes, starts or adopts the database of `dataDir`. A folder that another server uses is a `conflict`. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const layout = layoutOf(options.dataDir);
  const binaries = await findBinaries();
  await makeDataFolder(options.dataDir);
  await makeDatabaseOnce(layout, binaries);
  await checkMajorVersion(layout, binaries);
  return await keepRunning(layout, binaries, { durable: true, ...options });
}

/** Root's folder may be entered by others: the database's user must reach its own part of it. Secrets in it are 0600. */
async function makeDataFolder(dataDir: string): Promise<void> {
  try {
    await makeFolder(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new CodedError('invalid_request', `The data folder ${dataDir} cannot be made: ${why}.`, { cause });
  }
}

async function keepRunning(
  layout: Layout,
  binaries: PostgresBinaries,
  { stop, ...options }: EmbeddedPostgresOptions & { durable: boolean },
): Promise<EmbeddedPostgres> {
  const { log, clock } = options;
  const address = await addressOf(layout);
  const stopping = new AbortController();
  const take = (signal: AbortSignal) => holdDatabase({ layout, binaries, address, signal, ...options });
  const signal = stop ?? stopping.signal;
  let hold = await throughOutage({ clock, stop: signal }, () => take(signal));
  const keeper = keep();

  async function keep(): Promise<void> {
    for (;;) {
      await hold.ended;
      if (stopping.signal.aborted) return;
      log.warn('The database went away; it is being restarted.');
      const next = await retake();
      if (!next) return;
      hold = next;
      log.info('The database is back.');
    }
  }

  async function retake(): Promise<Hold | undefined> {
    const backoff = createBackoff({ first: 100, max: 5_000 });
    while (!stopping.signal.aborted) {
      try {
        return await take(stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) break;
        log.error({ err: error }, 'The database could not be restarted; the next attempt follows.');
        await sleep(clock, backoff.next(), stopping.signal).catch(() => undefined); // Rejects only when stopping.
      }
    }
    return undefined;
  }

  return {
    address,
    async stop() {
      stopping.abort();
      const pid = await findPostmaster(layout);
      if (pid !== undefined) await endProcess(pid, clock);
      hold.release();
      await keeper;
    },
  };
}

/** The address of a database that a server has made in this folder; undefined when there is none. */
export async function findEmbeddedPostgres(dataDir: string): Promise<PostgresAddress | undefined> {
  try {
    return await addressOf(layoutOf(dataDir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function checkMajorVersion(layout: Layout, binaries: PostgresBinaries): Promise<void> {
  const version = Number.parseInt(await readFile(join(layout.cluster, 'PG_VERSION'), 'utf8'), 10);
  if (version === binaries.majorVersion) return;
  throw new CodedError(
    'operation_not_supported',
    `The database in ${layout.home} was made by Postgres ${version}, and this program brings Postgres ` +
      `${binaries.majorVersion}. Dump it with the program that made it and restore it into a new data folder, or set ` +
      `DATABASE_URL to a Postgres ${version} of your own.`,
  );
}
