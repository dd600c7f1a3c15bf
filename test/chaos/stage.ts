import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { createClient, type Client } from '../../src/client/client.ts';
import { findEmbeddedPostgres } from '../../src/server/store/embedded-postgres/embedded-postgres.ts';
import { layLine, type CuttableLine } from '../helpers/cuttable-line.ts';
import { endPostmasterOf } from '../helpers/postmaster.ts';
import { startProgram, startServer, type RunningProgram, type RunningServer } from '../helpers/programs.ts';
import { makeWorkerHost, type WorkerHost } from '../helpers/worker-host.ts';
import type { RunRecord } from './ledger.ts';
import type { Random } from './random.ts';
import { traces } from './run-script.ts';
import { mountTmpfs } from './tmpfs.ts';

export const workerId = 'chaos';
/** Tasks that one daemon runs at once, and that are in flight for each of them. */
export const room = 6;

/** What a scenario may have otherwise than usual. */
export interface StageSettings {
  /** Daemons on the one host, under the one worker id; 1 unless said. */
  daemons?: number;
  /** Environment of the server: how patient it is. */
  server?: Record<string, string>;
  /** Lines of the worker's config file, below `backend.direct` those that are indented. */
  worker?: string[];
  direct?: string[];
  /** Folders of the host that are small file systems of their own, and how large they are. */
  disks?: Record<string, string>;
}

/** A program that can be killed and started again, as what it was. */
export interface Revivable {
  /** Of its present life. */
  pid(): number;
  signal(signal: NodeJS.Signals): void;
  /** Kills it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again, unless it runs. */
  revive(): Promise<void>;
  /** Resolves with the exit code of its present life. */
  ended(): Promise<number | null>;
  /** All that its lives have printed. */
  output(): string;
}

/** The released programs on this machine, with what there is to break about them. */
export interface Stage extends AsyncDisposable {
  readonly random: Random;
  readonly host: WorkerHost;
  /** Where runs leave their traces. */
  readonly out: string;
  readonly dataDir: string;
  readonly server: Revivable & { readonly url: string };
  /** Between all daemons, agents and the server. */
  readonly line: CuttableLine;
  readonly daemons: readonly Revivable[];
  /** Talks to the server itself, whatever happens to the line. */
  readonly client: Client;
  /** All that the server has acknowledged. */
  readonly records: RunRecord[];
  /** How often something was broken. */
  faults: number;
  executionIds(): Promise<string[]>;
  /** Writes what the programs printed into a folder. */
  saveLogs(folder: string): Promise<void>;
}

export async function raiseStage(random: Random, settings: StageSettings): Promise<Stage> {
  await using rollback = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), 'oz-chaos-'));
  rollback.defer(() => rm(dataDir, { recursive: true, force: true }));
  const host = rollback.use(await makeWorkerHost());
  await mkdir(host.path('tmp'));
  await mkdir(host.path('state'), { mode: 0o700 });
  for (const [name, size] of Object.entries(settings.disks ?? {})) {
    rollback.use(await mountTmpfs(host.path(name), size));
  }
  const server = await openServer(dataDir, settings.server ?? {});
  rollback.defer(async () => {
    await server.kill();
    await endPostmasterOf(dataDir);
  });
  const apiKey = await server.createApiKey('chaos');
  const line = rollback.use(await layLine(server.url));
  const config = await host.file('worker.yaml', configFile(host, settings));
  const daemons = Array.from({ length: settings.daemons ?? 1 }, () =>
    createDaemon({
      args: ['--config-file', config],
      env: { WARP_API_KEY: apiKey, WARP_SERVER_ROOT_URL: line.url, TMPDIR: host.path('tmp') },
    }),
  );
  rollback.defer(async () => void (await Promise.all(daemons.map((daemon) => daemon.kill()))));
  await Promise.all(daemons.map((daemon) => daemon.revive()));
  const ending = rollback.move();
  return {
    random,
    host,
    out: host.path('out'),
    dataDir,
    server,
    line,
    daemons,
    // The server is away again and again, and whoever asks is to get an answer all the same.
    client: createClient({
      rootUrl: server.url,
      credential: { apiKey },
      retry: { retries: Infinity, firstDelay: 100, maxDelay: 500 },
    }),
    records: [],
    faults: 0,
    async executionIds() {
      const pool = new Pool(await findEmbeddedPostgres(dataDir));
      try {
        const { rows } = await pool.query<{ id: string }>('select id from executions');
        return rows.map(({ id }) => id);
      } finally {
        await pool.end();
      }
    },
    async saveLogs(folder) {
      await mkdir(folder, { recursive: true });
      const programs: [string, Revivable][] = [['server', server]];
      daemons.forEach((daemon, index) => programs.push([`daemon-${index + 1}`, daemon]));
      await Promise.all(programs.map(([name, program]) => writeFile(join(folder, `${name}.log`), program.output())));
    },
    [Symbol.asyncDispose]: () => ending.disposeAsync(),
  };
}

/** Patience as short as a small machine under load allows. */
const serverEnvironment = {
  OZ_OFFER_TIMEOUT: '5s',
  OZ_CANCEL_TIMEOUT: '30s',
  OZ_LEASE: '3s',
  OZ_LOST_AFTER: '2m',
};

async function openServer(dataDir: string, env: Record<string, string>) {
  const start = (port: number) => startServer({ dataDir, port, env: { ...serverEnvironment, ...env } });
  const first = await start(0);
  const lives = keepLives<RunningServer>(first, () => start(Number(new URL(first.url).port)));
  return { ...lives, url: first.url, createApiKey: (name: string) => first.createApiKey(name) };
}

function createDaemon(options: { args: string[]; env: Record<string, string> }): Revivable {
  return keepLives<RunningProgram>(undefined, () => Promise.resolve(startProgram('oz-agent-worker', options)));
}

function keepLives<T extends RunningProgram>(first: T | undefined, start: () => Promise<T>): Revivable {
  let life = first;
  let former = '';
  let isRunning = first !== undefined;
  const watch = (born: T) => {
    isRunning = true;
    void born.ended.finally(() => (isRunning &&= life !== born));
  };
  if (first) watch(first);
  return {
    pid: () => life?.pid ?? 0,
    signal: (signal) => life?.kill(signal),
    async kill() {
      life?.kill('SIGKILL');
      await life?.ended;
    },
    async revive() {
      if (isRunning) return;
      former += life?.output() ?? '';
      life = await start();
      watch(life);
    },
    ended: async () => (await life?.ended)?.code ?? null,
    output: () => former + (life?.output() ?? ''),
  };
}

function configFile(host: WorkerHost, settings: StageSettings): string {
  // A name of the workspace's own, in it: what is prepared and torn down twice is seen to be the same.
  const name =
    'read -r name < /proc/sys/kernel/random/uuid; [ -e .name ] || echo "$name" > .name; read -r name < .name';
  const note = (file: string) => JSON.stringify(`${name}; echo "$OZ_RUN_ID $name" >> ${host.path('out', file)}`);
  return [
    `worker_id: ${workerId}`,
    `max_concurrent_tasks: ${room}`,
    `state_dir: ${host.path('state')}`,
    'kill_grace: 2s',
    ...(settings.worker ?? []),
    'backend:',
    '  direct:',
    ...[
      `workspace_root: ${host.workspaces}`,
      `oz_path: ${host.oz}`,
      `setup_command: ${note(traces.setups)}`,
      `teardown_command: ${note(traces.teardowns)}`,
      ...(settings.direct ?? []),
    ].map((line) => `    ${line}`),
  ].join('\n');
}
