import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { layLine } from '../helpers/cuttable-line.ts';
import { makeGate } from '../helpers/gate.ts';
import { endPostmasterOf, killPostmasterOf } from '../helpers/postmaster.ts';
import { startServer, startWorker } from '../helpers/programs.ts';
import { followRun, runConsole, transcriptText, untilOutput } from '../helpers/runs.ts';
import { makeWorkerHost, type WorkerHost } from '../helpers/worker-host.ts';

/** Whatever breaks under a running task, its transcript, console and outcome arrive whole and once. */
let dataDir: string;
let host: WorkerHost;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'oz-chaos-'));
  host = await makeWorkerHost();
});

afterEach(async () => {
  await endPostmasterOf(dataDir);
  await rm(dataDir, { recursive: true, force: true });
  await host[Symbol.asyncDispose]();
});

test('A server that is killed and started again loses and doubles nothing.', async () => {
  const first = await startServer({ dataDir });
  const { port } = new URL(first.url);
  const apiKey = await first.createApiKey('test');
  await using _worker = await startWorker({ server: first, apiKey, args: ['--config-file', await workerConfig()] });
  const { runId, gates } = await createTalkingRun(first, apiKey);

  await gates.beforeSecond.open();
  first.kill('SIGKILL');
  await first.ended;
  // It talks on, and ends, while nobody listens.
  await gates.beforeThird.open();
  await using second = await startServer({ dataDir, port: Number(port) });

  await expectWholeRun(second, apiKey, runId);
});

test('A line that is cut again and again loses and doubles nothing.', async () => {
  await using server = await startServer({ dataDir });
  const apiKey = await server.createApiKey('test');
  await using line = await layLine(server.url);
  await using _worker = await startWorker({ server: line, apiKey, args: ['--config-file', await workerConfig()] });
  const { runId, gates } = await createTalkingRun(server, apiKey);

  line.cut();
  await gates.beforeSecond.open();
  line.mend();
  await untilOutput(clientOf(server, apiKey), runId, 'part 2 ');
  line.cut();
  await gates.beforeThird.open();
  line.mend();

  await expectWholeRun(server, apiKey, runId);
});

test('A database that is killed under the server comes back, and loses and doubles nothing.', async () => {
  await using server = await startServer({ dataDir });
  const apiKey = await server.createApiKey('test');
  await using _worker = await startWorker({ server, apiKey, args: ['--config-file', await workerConfig()] });
  const { runId, gates } = await createTalkingRun(server, apiKey);

  await gates.beforeSecond.open();
  await killPostmasterOf(server.dataDir);
  await gates.beforeThird.open();

  await expectWholeRun(server, apiKey, runId);
});

const linesPerPart = 2_000;

function workerConfig(): Promise<string> {
  const direct = `workspace_root: ${host.workspaces}\n    oz_path: ${host.oz}\n    teardown_command: echo torn down`;
  return host.file('worker.yaml', `worker_id: chaos\nbackend:\n  direct:\n    ${direct}\n`);
}

/** A run whose script counts in three parts, with a gate before the second and the third. */
async function createTalkingRun(server: { url: string }, apiKey: string) {
  const gates = {
    beforeSecond: await makeGate(host.path('out/second')),
    beforeThird: await makeGate(host.path('out/third')),
  };
  const part = (number: number) => `seq -f 'part ${number} line %g' ${linesPerPart}`;
  const prompt = [part(1), `cat ${gates.beforeSecond.path}`, part(2), `cat ${gates.beforeThird.path}`, part(3)].join(
    '\n',
  );
  const config = { worker_host: 'chaos', harness: { type: 'shell' as const } };
  const { run_id: runId } = await clientOf(server, apiKey).createRun({ prompt, config });
  await untilOutput(clientOf(server, apiKey), runId, 'part 1 ');
  return { runId, gates };
}

function clientOf(server: { url: string }, apiKey: string) {
  // What breaks here takes a while to come back; a watcher that gives up early would prove nothing.
  return createClient({ rootUrl: server.url, credential: { apiKey }, retry: { retries: 20 } });
}

async function expectWholeRun(server: { url: string }, apiKey: string, runId: string): Promise<void> {
  const client = clientOf(server, apiKey);
  expect((await followRun(client, runId)).at(-1)).toBe('SUCCEEDED');
  const expected = [1, 2, 3].flatMap((part) =>
    Array.from({ length: linesPerPart }, (_, index) => `part ${part} line ${index + 1}\n`),
  );
  expect(await transcriptText(client, runId)).toBe(expected.join(''));
  const console = await runConsole(client, runId);
  expect(console.agent).toContain(expected.slice(0, linesPerPart).join(''));
  expect(console.teardown).toBe('torn down\n');
  expect(await host.listWorkspaces()).toEqual([]);
}
