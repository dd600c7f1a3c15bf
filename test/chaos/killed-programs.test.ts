import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeGate } from '../helpers/gate.ts';
import { killPostmasterOf } from '../helpers/postmaster.ts';
import { startServer, startWorker } from '../helpers/programs.ts';
import { followRun, transcriptText, untilOutput } from '../helpers/runs.ts';
import { serverForFile } from '../helpers/server-for-file.ts';
import { pause } from './load.ts';
import { makeWorkerHost, type WorkerHost } from '../helpers/worker-host.ts';

/** Whoever is killed while a run is under way, the run ends, and by the word of somebody who knows. */
const { server, apiKey, client } = await serverForFile();
let host: WorkerHost;

beforeEach(async () => {
  host = await makeWorkerHost();
});
afterEach(() => host[Symbol.asyncDispose]());

test('A script that kills its agent ends its run by the word of the worker, which leaves nothing of it.', async () => {
  await using _worker = await startChaosWorker();
  const runId = await createRun('echo begun; kill -9 $PPID; exec sleep 600');
  expect((await followRun(client, runId)).at(-1)).toBe('FAILED');
  expect((await client.getRun(runId)).status_message).toMatchObject({
    error_code: 'agent_failed',
    message: expect.stringContaining('signal 9') as string,
  });
  await expect.poll(() => host.listWorkspaces()).toEqual([]);
});

test('A worker that is killed costs no run its agent; its successor carries it to its end and takes the next one.', async () => {
  const killed = await startChaosWorker();
  const gate = await makeGate(host.path('out/gate'));
  const runId = await createRun(`echo before; cat ${gate.path}; echo after`);
  await untilOutput(client, runId, 'before');
  killed.kill('SIGKILL');
  await killed.ended;
  await using _successor = await startChaosWorker();
  await gate.open();
  expect((await followRun(client, runId)).at(-1)).toBe('SUCCEEDED');
  expect(await transcriptText(client, runId)).toContain('after');
  expect((await followRun(client, await createRun('true'))).at(-1)).toBe('SUCCEEDED');
  await expect.poll(() => host.listWorkspaces()).toEqual([]);
});

test('A server starts although its Postgres is killed meanwhile, whenever that is.', { timeout: 60_000 }, async () => {
  await using first = await startServer();
  const { dataDir } = first;
  let life = first;
  for (const delay of [120, 180, 210, 230, 250, 270, 290, 320]) {
    life.kill('SIGKILL');
    await life.ended;
    const killing = pause(delay).then(() => killPostmasterOf(dataDir));
    life = await startServer({ dataDir });
    await killing;
    await expect.poll(async () => (await fetch(`${life.url}/readyz`)).ok, { timeout: 10_000 }).toBe(true);
  }
  await life.stop();
});

async function startChaosWorker() {
  const direct = `workspace_root: ${host.workspaces}\n    oz_path: ${host.oz}`;
  const config = await host.file('worker.yaml', `worker_id: chaos\nbackend:\n  direct:\n    ${direct}\n`);
  const env = { TMPDIR: host.path('out') };
  return await startWorker({ server, apiKey, args: ['--config-file', config], env });
}

async function createRun(prompt: string): Promise<string> {
  const config = { worker_host: 'chaos', harness: { type: 'shell' as const } };
  return (await client.createRun({ prompt, config })).run_id;
}
