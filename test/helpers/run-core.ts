import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { createLogger } from '../../src/common/logger.ts';
import { CodedError } from '../../src/protocol/errors.ts';
import type { RunId } from '../../src/protocol/ids.ts';
import type { CreateRun } from '../../src/protocol/runs.ts';
import type { ExecutionState, RunState } from '../../src/protocol/states.ts';
import { workerLinkV2, type Assignment } from '../../src/protocol/worker-link.ts';
import type { AgentPrincipal, KeyPrincipal, Principal } from '../../src/server/auth/principal.ts';
import { hashToken, mintToken } from '../../src/server/auth/tokens.ts';
import { createGateway, type Gateway } from '../../src/server/gateway/gateway.ts';
import { createRunChanges } from '../../src/server/runs/run-changes.ts';
import { createRuns, type Runs } from '../../src/server/runs/runs.ts';
import type { RunSettings } from '../../src/server/runs/settings.ts';
import { FakeWorker, type FakeWorkerOptions } from './fake-worker.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

const second = 1_000;
const minute = 60 * second;

export const testSettings: RunSettings = {
  offerTimeout: 10 * second,
  cancelTimeout: 60 * second,
  queueExpiry: 24 * 60 * minute,
  runTimeLimit: 12 * 60 * minute,
  lease: 45 * second,
  lostAfter: 10 * minute,
  retryAfter: 2 * minute,
  maxAttempts: 1,
};

/** Runs, the gateway and a real Postgres, with a clock that the test moves. */
export interface RunCore {
  database: TestDatabase;
  clock: ManualClock;
  runs: Runs;
  gateway: Gateway;
  rootUrl: string;
  server: Server;
  key: KeyPrincipal;
  apiKey: string;
  /** Another key of the same team. */
  otherApiKey: string;
  /** A key of another team. */
  foreign: KeyPrincipal;
  create(body?: Partial<CreateRun>): Promise<RunId>;
  worker(options?: Partial<FakeWorkerOptions>): Promise<FakeWorker>;
  /** A connection of the second protocol over which nothing has been said. */
  openSocket(): Promise<FakeWorker>;
  /** The principal of the agent that an assignment started. */
  agent(assignment: Assignment): Promise<AgentPrincipal>;
  state(runId: RunId): Promise<RunState>;
  run(runId: RunId): Promise<{ state: RunState; status_message: string | null; error_code: string | null }>;
  executions(runId: RunId): Promise<{ state: ExecutionState; end_reason: string | null; fence: number }[]>;
  untilState(runId: RunId, state: RunState): Promise<void>;
  untilExecution(runId: RunId, state: ExecutionState): Promise<void>;
  /** A new server on the same database; the old one is stopped first. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A run whose worker has claimed it and whose agent has begun. */
export async function runningRun(
  core: RunCore,
  options: { worker?: Parameters<RunCore['worker']>[0]; body?: object } = {},
) {
  const worker = await core.worker(options.worker);
  const runId = await core.create(options.body);
  const agent = await core.agent(await worker.assigned());
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
  return { worker, runId, agent };
}

export async function createRunCore(settings: Partial<RunSettings> = {}): Promise<RunCore> {
  const database = await createTestDatabase();
  const clock = createManualClock();
  const keys = new Map<string, KeyPrincipal>();
  const { apiKey, principal: key } = await addTeam(database, keys);
  const { apiKey: otherApiKey } = await addKey(database, keys, key.teamId);
  const { principal: foreign } = await addTeam(database, keys);
  const workers: FakeWorker[] = [];
  let opened = 0;
  let program = await start();

  async function start() {
    const log = createLogger({ name: 'test', level: 'error' });
    const runs = createRuns({
      db: database.db,
      clock,
      log,
      changes: createRunChanges(),
      settings: { ...testSettings, ...settings },
      mintToken() {
        const token = mintToken('run');
        return { token, hash: hashToken(token) };
      },
    });
    const authenticate = async (headers: IncomingHttpHeaders) => principalOf(headers, keys);
    const gateway = createGateway({
      link: counted(runs.link),
      authenticate,
      clock,
      log,
      // No ping within the first half minute: its answer would make a connection alive that a test has by then for dead.
      random: () => 1,
    });
    const server = createServer().on('upgrade', (...upgrade) => gateway.handleUpgrade(...upgrade));
    await runs.start();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    return { runs, gateway, server, rootUrl: `http://127.0.0.1:${port}` };
  }

  /** A daemon does not notice when its connection is open to offers; a test waits for it. */
  function counted(link: Runs['link']): Runs['link'] {
    return {
      ...link,
      async open(connection) {
        const linked = await link.open(connection);
        opened += 1;
        return linked;
      },
      async greet(connection, hello) {
        const linked = await link.greet(connection, hello);
        opened += 1;
        return linked;
      },
    };
  }

  async function stop(): Promise<void> {
    await program.gateway.close();
    await program.runs.stop();
    program.server.close();
  }

  const run = (runId: RunId) =>
    database.db
      .selectFrom('runs')
      .select(['state', 'status_message', 'error_code'])
      .where('id', '=', runId)
      .executeTakeFirstOrThrow();
  const executions = (runId: RunId) =>
    database.db
      .selectFrom('executions')
      .select(['state', 'end_reason', 'fence'])
      .where('run_id', '=', runId)
      .orderBy('fence')
      .execute();

  return {
    database,
    clock,
    key,
    apiKey,
    otherApiKey,
    foreign,
    get runs() {
      return program.runs;
    },
    get gateway() {
      return program.gateway;
    },
    get server() {
      return program.server;
    },
    get rootUrl() {
      return program.rootUrl;
    },
    async create(body = {}) {
      const request = { body: { prompt: 'echo hello', ...body }, source: 'API' } as const;
      return (await program.runs.service.create(key, request)).run_id;
    },
    async worker(options = {}) {
      const before = opened;
      const worker = await FakeWorker.connect({ rootUrl: program.rootUrl, apiKey, workerId: 'local', ...options });
      workers.push(worker);
      await expect.poll(() => opened, patience).toBeGreaterThan(before);
      return worker;
    },
    async openSocket() {
      const options = { rootUrl: program.rootUrl, apiKey, workerId: 'local', protocols: [workerLinkV2] };
      const worker = await FakeWorker.connect(options);
      workers.push(worker);
      return worker;
    },
    async agent({ task_id, execution_id }) {
      const execution = database.db
        .selectFrom('executions')
        .select(['id', 'fence'])
        .where('id', '=', execution_id ?? null);
      const { id, fence } = await execution.executeTakeFirstOrThrow();
      return { kind: 'agent', runId: task_id, executionId: id, fence, teamId: key.teamId };
    },
    run,
    executions,
    state: async (runId) => (await run(runId)).state,
    untilState: (runId, state) => expect.poll(() => run(runId), patience).toMatchObject({ state }),
    untilExecution: (runId, state) =>
      expect.poll(async () => (await executions(runId)).at(-1), patience).toMatchObject({ state }),
    async restart() {
      await stop();
      program = await start();
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
      await stop();
      await database.close();
    },
  };
}

const patience = { interval: 5, timeout: 10_000 };

async function addTeam(database: TestDatabase, keys: Map<string, KeyPrincipal>) {
  const teamId = randomUUID();
  await database.db.insertInto('teams').values({ id: teamId, name: 'Team' }).execute();
  return addKey(database, keys, teamId);
}

async function addKey({ db }: TestDatabase, keys: Map<string, KeyPrincipal>, teamId: string) {
  const keyId = randomUUID();
  const apiKey = mintToken('key');
  await db
    .insertInto('api_keys')
    .values({ id: keyId, team_id: teamId, name: 'test', key_hash: hashToken(apiKey), key_suffix: apiKey.slice(-4) })
    .execute();
  const principal: KeyPrincipal = { kind: 'key', keyId, teamId };
  keys.set(apiKey, principal);
  return { apiKey, principal };
}

function principalOf({ authorization }: IncomingHttpHeaders, keys: Map<string, KeyPrincipal>): Principal {
  const principal = keys.get(authorization?.replace('Bearer ', '') ?? '');
  if (principal) return principal;
  throw new CodedError('authentication_required', 'This key is not known.');
}
