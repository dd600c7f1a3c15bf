import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createClient } from '../src/client/client.ts';
import { sleep, systemClock, type Clock } from '../src/common/clock.ts';
import { createLogger } from '../src/common/logger.ts';
import type { Assignment, ExecutionIds, TaskMessage } from '../src/protocol/worker-link.ts';
import { createConnection, type Connection } from '../src/worker/connection/connection.ts';
import { createConsoleHub } from '../src/worker/console/console-hub.ts';
import { layLine, type CuttableLine } from './helpers/cuttable-line.ts';
import { randomFrom } from './helpers/random.ts';
import { runConsole } from './helpers/runs.ts';
import { startTestServer } from './helpers/test-server.ts';

/** The two ends of the link as they are, and between them a line that breaks at moments of the seed's choice. */
test.each([1, 2, 3])(
  'wherever the line breaks, each run ends by the word of its worker, and its console is whole (seed %i)',
  async (seed) => {
    const random = randomFrom(seed);
    await using server = await startTestServer();
    await using line = await layLine(server.url);
    const client = createClient({ rootUrl: server.url, credential: { apiKey: server.apiKey } });
    const worker = await startWorker(line, server.apiKey);
    const config = { harness: { type: 'shell' as const } };
    const created = Array.from({ length: 6 }, async () => await client.createRun({ prompt: 'true', config }));
    const runIds = (await Promise.all(created)).map(({ run_id }) => run_id);
    for (let cuts = 0; cuts < 6; cuts += 1) {
      await sleep(systemClock, 20 + random() * 60);
      line.cut();
      await sleep(systemClock, random() * 30);
      line.mend();
    }
    for (const runId of runIds) {
      await expect.poll(async () => (await client.getRun(runId)).state, { timeout: 20_000 }).toBe('FAILED');
      const run = await client.getRun(runId);
      expect(run.status_message?.message).toContain(`exited with code ${worker.exitCodeOf(runId)} `);
      expect((await runConsole(client, runId)).agent).toBe(worker.written(runId));
    }
  },
);

/** Claims what it is offered, writes a console of some hundred kilobytes, and says that the agent has failed. */
async function startWorker(line: CuttableLine, apiKey: string) {
  const folder = await mkdtemp(join(tmpdir(), 'worker-link-test-'));
  const log = createLogger({ name: 'test', level: 'error' });
  const owned = new Map<string, ExecutionIds>();
  const written = new Map<string, string>();
  const connection: Connection = createConnection({
    url: `${line.url.replace('http', 'ws')}/api/v1/selfhosted/worker/ws`,
    workerId: 'local',
    apiKey,
    host: {},
    clock: hasty,
    log,
    observer: { connected: () => undefined, disconnected: () => undefined, heard: () => undefined },
    hello: () => ({
      instance_id: instanceId,
      version: '0.0.0',
      backend: 'direct',
      max_concurrent_tasks: null,
      draining: false,
      executions: [...owned.values()],
    }),
    onWelcome: ({ executions }) =>
      executions.forEach(({ execution_id, console: offsets }) => hub.resume(execution_id, offsets)),
    onMessage: (message) => {
      if (message.type === 'task_assignment') void carryOut(message.data);
      else if (message.type === 'console_ack') hub.acknowledge(message.data);
    },
  });
  const instanceId = randomUUID();
  const hub = createConsoleHub({
    send: (message) => connection.trySend(message),
    isWanted: () => true,
    isConnected: () => connection.isOpen(),
    clock: systemClock,
    log,
  });

  async function carryOut(assignment: Assignment): Promise<void> {
    const { task_id, execution_id } = assignment;
    if (execution_id === undefined) throw new Error('The server named no execution.');
    const ids = { task_id, execution_id };
    owned.set(execution_id, ids);
    const say = (message: TaskMessage) => connection.send(message);
    void say({ type: 'task_claimed', data: { ...ids, worker_id: 'local' } });
    void say({ type: 'task_phase', data: { ...ids, phase: 'preparing' } });
    const console = hub.open(assignment);
    const file = join(folder, execution_id);
    await writeFile(file, '');
    await console.open('agent', file, []);
    let text = '';
    for (let piece = 0; piece < 5; piece += 1) {
      text += `${piece} of ${task_id} ${'x'.repeat(60_000)}\n`;
      await appendFile(file, `${piece} of ${task_id} ${'x'.repeat(60_000)}\n`);
      await sleep(systemClock, 20);
    }
    written.set(task_id, text);
    await console.finish(10_000);
    const end = { message: 'It failed.', failure_reason: 'agent_invocation', exit_code: exitCodeOf(task_id) } as const;
    await say({ type: 'task_failed', data: { ...ids, ...end } });
    owned.delete(execution_id);
  }

  const over = connection.run();
  onTestFinished(async () => {
    await connection.close(0);
    await over;
    await rm(folder, { recursive: true });
  });
  return { written: (runId: string) => written.get(runId), exitCodeOf };
}

/** Another for each, so that no run's end is taken for another's. */
function exitCodeOf(runId: string): number {
  return 1 + (Number.parseInt(runId.slice(0, 4), 16) % 100);
}

/** Waits for the next dial pass fifty times as fast. */
const hasty: Clock = { now: () => systemClock.now(), after: (delay, run) => systemClock.after(delay / 50, run) };
