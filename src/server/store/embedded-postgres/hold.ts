import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { Client } from 'pg';
import { sleep, type Clock } from '../../../common/clock.ts';
import { CodedError } from '../../../protocol/errors.ts';
import type { PostgresBinaries } from './binaries.ts';
import type { Layout, PostgresAddress } from './layout.ts';
import { findPostmaster } from './lock-files.ts';
import { startPostmaster } from './postmaster.ts';
import { endProcess } from './processes.ts';

/** Any number will do, as long as every version of the server takes the same. */
const serverLock = 250_126_545;
/** How long Postgres may take to answer, recovery after a crash included. In milliseconds, as all below. */
const startLimit = 120_000;
/** Between two looks at a Postgres that is starting, or at the remains of one that was killed. */
const pollPeriod = 25;
/** How long the connection of a server that was killed a moment ago may still hold the lock. */
const lockPatience = 2_000;
const maxStarts = 20;

/** A database that answers and that this process has to itself. */
export interface Hold {
  /** Resolves when the connection that holds the lock is gone, for whatever reason. */
  ended: Promise<void>;
  release(): void;
}

export interface HoldOptions {
  layout: Layout;
  binaries: PostgresBinaries;
  address: PostgresAddress;
  durable: boolean;
  signal: AbortSignal;
  clock: Clock;
}

/** Connects to the folder's Postgres, starting it if none runs (else it is adopted), and takes the server's lock. */
export async function holdDatabase(options: HoldOptions): Promise<Hold> {
  const client = await connectOrStart(options);
  const ended = new Promise<void>((resolve) => client.once('end', resolve));
  client.on('error', () => undefined); // The end that follows tells all there is to know.
  try {
    await takeLock(client, options);
  } catch (error) {
    await endQuietly(client);
    throw error;
  }
  return { ended, release: () => void endQuietly(client) };
}

async function connectOrStart(options: HoldOptions): Promise<Client> {
  const attempt: StartAttempt = { starts: 0, deadline: options.clock.now() + startLimit };
  try {
    for (;;) {
      const client = await tryConnect(options.address);
      if (client) return client;
      await startIfNoneRuns(attempt, options);
      await sleep(options.clock, pollPeriod, options.signal);
    }
  } catch (error) {
    if (attempt.child?.pid) await endProcess(attempt.child.pid, options.clock);
    throw error;
  }
}

interface StartAttempt {
  child?: ChildProcess;
  starts: number;
  deadline: number;
}

async function startIfNoneRuns(attempt: StartAttempt, options: HoldOptions): Promise<void> {
  if (options.clock.now() > attempt.deadline) throw await startFailed(options.layout);
  if (attempt.child && attempt.child.exitCode === null && attempt.child.signalCode === null) return;
  if ((await findPostmaster(options.layout)) !== undefined) return;
  // A second start may be needed: what a killed Postgres left behind takes a moment to go.
  if (attempt.starts >= maxStarts) throw await startFailed(options.layout);
  attempt.starts += 1;
  attempt.child = await startPostmaster(options.layout, options.binaries, options);
}

/** Undefined while nothing answers, or what answers is just starting up or shutting down. */
async function tryConnect(address: PostgresAddress): Promise<Client | undefined> {
  const client = new Client({ ...address, application_name: 'emerald-server-lock' });
  client.on('error', () => undefined); // It is the promise below that tells.
  try {
    await client.connect();
    client.removeAllListeners('error');
    return client;
  } catch (error) {
    await endQuietly(client);
    if (isTemporary(error)) return undefined;
    throw error;
  }
}

function isTemporary(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  // A socket that closes under the handshake comes without a code. 57P03: cannot connect now.
  return code === undefined || ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P03', '57P01'].includes(code);
}

async function takeLock(client: Client, { clock, layout, signal }: HoldOptions): Promise<void> {
  const deadline = clock.now() + lockPatience;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>(`select pg_try_advisory_lock(${serverLock}) as taken`);
    if (rows[0]?.taken) return;
    if (clock.now() > deadline) {
      throw new CodedError('conflict', `Another server already runs on the data folder ${layout.dataDir}.`);
    }
    await sleep(clock, pollPeriod, signal);
  }
}

async function startFailed(layout: Layout): Promise<CodedError> {
  const log = await readFile(layout.logFile, 'utf8');
  const lastLines = log.trimEnd().split('\n').slice(-5).join('\n');
  return new CodedError(
    'resource_unavailable',
    `The database in ${layout.home} does not start. The end of ${layout.logFile}:\n${lastLines}`,
  );
}

async function endQuietly(client: Client): Promise<void> {
  await client.end().catch(() => undefined); // The connection is gone either way.
}
