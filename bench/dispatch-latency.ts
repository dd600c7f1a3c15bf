import { execFile } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient, type Client } from '../src/client/client.ts';
import { sleep, systemClock } from '../src/common/clock.ts';
import { isTerminal } from '../src/protocol/states.ts';
import { startWorker } from '../test/helpers/programs.ts';

const warmUp = 20;
const measured = 200;

/** Milliseconds from `POST /agent/runs` until the configured `oz_path` executes, one run after the other. */
export async function measureDispatch(server: { url: string }, apiKey: string): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'oz-bench-'));
  const starts = await listenForStarts(join(folder, 'starts'));
  try {
    await using _worker = await startWorker({ server, apiKey, args: await workerArguments(folder) });
    const client = createClient({ rootUrl: server.url, credential: { apiKey } });
    const latencies: number[] = [];
    for (let count = 0; count < warmUp + measured; count++) latencies.push(await latencyOfOne(client, starts));
    return latencies.slice(warmUp);
  } finally {
    starts.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function latencyOfOne(client: Client, starts: Starts): Promise<number> {
  const from = performance.now();
  const { run_id } = await client.createRun({ prompt: 'true', config: { harness: { type: 'shell' } } });
  const latency = (await starts.of(run_id)) - from;
  // The next one finds an idle machine.
  while (!isTerminal((await client.getRun(run_id)).state)) await sleep(systemClock, 10);
  return latency;
}

async function workerArguments(folder: string): Promise<string[]> {
  const stub = join(folder, 'oz');
  const workspaces = join(folder, 'workspaces');
  const config = join(folder, 'worker.yaml');
  await mkdir(workspaces);
  await writeFile(
    stub,
    `#!/bin/sh\n[ "$1" = --version ] && exec echo 'oz 0.0.0'\necho "$TASK_ID" > ${folder}/starts\n`,
  );
  await chmod(stub, 0o755);
  const direct = `backend:\n  direct:\n    workspace_root: ${workspaces}\n    oz_path: ${stub}\n`;
  await writeFile(config, `worker_id: bench\n${direct}`);
  return ['--config-file', config];
}

interface Starts {
  /** When the task started, on this process's clock of `performance.now()`. */
  of(runId: string): Promise<number>;
  close(): void;
}

/** The stub writes its task's id into a FIFO: this process sees it within a fraction of a millisecond. */
async function listenForStarts(path: string): Promise<Starts> {
  await promisify(execFile)('mkfifo', [path]);
  // Open for writing too, so that the FIFO never ends.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const started = new Map<string, PromiseWithResolvers<number>>();
  const slot = (runId: string) => {
    const known = started.get(runId) ?? Promise.withResolvers<number>();
    started.set(runId, known);
    return known;
  };
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.setEncoding('utf8').on('data', (lines: string) => {
    const now = performance.now();
    for (const runId of lines.trim().split('\n')) slot(runId).resolve(now);
  });
  return { of: (runId) => slot(runId).promise, close: () => socket.destroy() };
}
