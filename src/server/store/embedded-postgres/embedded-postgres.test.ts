import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../common/clock.ts';
import { createLogger } from '../../../common/logger.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts';
import { layoutOf } from './layout.ts';
import { findPostmaster } from './lock-files.ts';
import { isRunning } from './processes.ts';

const log = createLogger({ name: 'test', level: 'error' });

let dataDir: string;
let running: EmbeddedPostgres[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'emerald-pg-'));
  running = [];
});

afterEach(async () => {
  for (const postgres of running) await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(folder = dataDir): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log, clock: systemClock, durable: false });
  running.push(postgres);
  return postgres;
}

async function startDurable(): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, log, clock: systemClock });
  running.push(postgres);
  return postgres;
}

async function query<Row>({ address }: EmbeddedPostgres, sql: string): Promise<Row[]> {
  const client = new Client(address);
  client.on('error', () => undefined); // Tests kill the server under it.
  await client.connect();
  try {
    return (await client.query<Row & object>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function postmasterPid(): Promise<number> {
  const pid = await findPostmaster(layoutOf(dataDir));
  if (pid === undefined) throw new Error('No Postgres runs.');
  return pid;
}

/** A second program that holds the database, as a server does, and can be killed as one. */
async function startHolder(): Promise<{ process: ChildProcess; said: unknown }> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(join(import.meta.dirname, 'embedded-postgres.ts'))};
    import { systemClock } from ${JSON.stringify(join(import.meta.dirname, '../../../common/clock.ts'))};
    const log = { info() {}, warn() {}, error() {} };
    try {
      await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log, clock: systemClock, durable: false });
      process.send('held');
    } catch (error) {
      process.send(error.code);
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [said] = (await once(child, 'message')) as [unknown];
  return { process: child, said };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('what was written is there after a stop and a second start', async () => {
  const first = await start();
  await query(first, 'create table kept as select 1 as one');
  await first.stop();
  expect(await findPostmaster(layoutOf(dataDir))).toBeUndefined();
  expect(await query(await start(), 'select one from kept')).toEqual([{ one: 1 }]);
});

test('commits are durable, and nothing but a private socket is listened on', async () => {
  const postgres = await startDurable();
  expect(await query(postgres, 'show fsync')).toEqual([{ fsync: 'on' }]);
  expect(await query(postgres, 'show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
  expect(await query(postgres, 'show listen_addresses')).toEqual([{ listen_addresses: '' }]);
  const layout = layoutOf(dataDir);
  expect((await stat(layout.passwordFile)).mode & 0o777).toBe(0o600);
  expect((await stat(layout.socketFolder)).mode & 0o777).toBe(0o700);
});

test('a wrong password is refused', async () => {
  const { address } = await start();
  const client = new Client({ ...address, password: 'guessed' });
  await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
});

test('a Postgres that outlived its killed server is adopted, not started anew', async () => {
  const holder = await startHolder();
  const pid = await postmasterPid();
  await kill(holder.process);
  const adopted = await start();
  expect(await postmasterPid()).toBe(pid);
  await adopted.stop();
  expect(isRunning(pid)).toBe(false);
});

test('a second server on the folder is refused by its name, and the first goes on', async () => {
  const first = await start();
  await expect(start()).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(dataDir) as string,
  });
  expect(await query(first, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('of two first boots at once, one wins and the other is refused', async () => {
  const [holder, [ours]] = await Promise.all([startHolder(), Promise.allSettled([start()])]);
  const outcomes = [holder.said, ours.status === 'fulfilled' ? 'held' : (ours.reason as { code: string }).code];
  expect(new Set(outcomes)).toEqual(new Set(['conflict', 'held']));
  expect(await readdir(dataDir)).toEqual(['postgres', 'postgres.log']);
  await kill(holder.process);
  if (ours.status === 'rejected') await start(); // To stop what the holder has left.
});

test('a Postgres that is killed is restarted, with what was committed', async () => {
  const postgres = await startDurable();
  await query(postgres, 'create table kept as select 1 as one');
  const pid = await postmasterPid();
  process.kill(pid, 'SIGKILL');
  await vi.waitFor(async () => expect(await query(postgres, 'select one from kept')).toEqual([{ one: 1 }]), {
    timeout: 20_000,
  });
  expect(await postmasterPid()).not.toBe(pid);
});

test('lock files of a crash whose number is a stranger’s by now neither hinder a start nor cost the stranger', async () => {
  const { pidFile, socketLockFile, home } = layoutOf(dataDir);
  const crashed = await start();
  await query(crashed, 'create table kept as select 1 as one');
  const left = await Promise.all([pidFile, socketLockFile].map((file) => readFile(file, 'utf8')));
  await crashed.stop();
  const { uid, gid } = await stat(home);
  const stranger = spawn('sleep', ['600'], process.getuid?.() === 0 ? { uid, gid } : {});
  for (const [index, file] of [pidFile, socketLockFile].entries()) {
    await writeFile(file, (left[index] ?? '').replace(/^\d+/, String(stranger.pid)), { mode: 0o600 });
    await chown(file, uid, gid);
  }
  const postgres = await start();
  expect(await query(postgres, 'select one from kept')).toEqual([{ one: 1 }]);
  await postgres.stop();
  expect(stranger.signalCode).toBeNull();
  await kill(stranger);
});

test('a start that was killed half-way leaves nothing in the way of the next', async () => {
  await mkdir(join(dataDir, 'postgres.unfinished-999999999', 'data'), { recursive: true });
  await start();
  expect(await readdir(dataDir)).toEqual(['postgres', 'postgres.log']);
});

test("another major version's folder is refused with what to do, and left as it is", async () => {
  await (await start()).stop();
  const versionFile = join(layoutOf(dataDir).cluster, 'PG_VERSION');
  await writeFile(versionFile, '13\n');
  await expect(start()).rejects.toMatchObject({
    code: 'operation_not_supported',
    message: expect.stringMatching(/Postgres 13.*DATABASE_URL/) as string,
  });
  expect(await readFile(versionFile, 'utf8')).toBe('13\n');
});

test('a start that is given up leaves no Postgres behind', async () => {
  await (await start()).stop();
  const stop = AbortSignal.abort();
  const given = startEmbeddedPostgres({ dataDir, log, clock: systemClock, durable: false, stop });
  await expect(given).rejects.toBe(stop.reason);
  expect(await findPostmaster(layoutOf(dataDir))).toBeUndefined();
});

test('a folder whose path is too long for a socket works all the same', async () => {
  const folder = join(dataDir, 'x'.repeat(100));
  const postgres = await start(folder);
  const { socketFolder, home } = layoutOf(folder);
  expect(socketFolder).not.toBe(home);
  expect(await query(postgres, 'select 1 as one')).toEqual([{ one: 1 }]);
  await rm(socketFolder, { recursive: true });
});

test('a socket folder that is open to others is refused', async () => {
  const folder = join(dataDir, 'y'.repeat(100));
  const { socketFolder } = layoutOf(folder);
  await mkdir(socketFolder);
  await chmod(socketFolder, 0o777);
  await expect(start(folder)).rejects.toMatchObject({
    code: 'not_authorized',
    message: expect.stringContaining(socketFolder) as string,
  });
  await rm(socketFolder, { recursive: true });
});

test.runIf(process.getuid?.() === 0)(
  "Postgres runs as its folder's owner, and root drops to another where that one can enter",
  async () => {
    await chmod(dataDir, 0o711);
    await start();
    const { uid } = await stat(layoutOf(dataDir).home);
    expect((await stat(`/proc/${await postmasterPid()}`)).uid).toBe(uid);
    expect(uid !== 0).toBe(await canNobodyEnter(import.meta.dirname));
  },
);

function canNobodyEnter(folder: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { uid: 65_534, gid: 65_534, cwd: '/' }, (error) =>
      resolve(error === null),
    );
  });
}

test.runIf(process.platform === 'linux')('a data folder that cannot be made is named', async () => {
  await expect(start('/proc/no-such-folder/data')).rejects.toThrow(
    /data folder \/proc\/no-such-folder\/data cannot be made/,
  );
});
