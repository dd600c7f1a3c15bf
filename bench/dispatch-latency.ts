import { execFile } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient, type Client } from '../src/client/client.ts';
import { sleep, systemClock } from '../src/common/clock.ts';
import { isTerminal } from '../src/protocol/states.ts';
import { startWorker } from '../test/helpers/programs.ts';
import { writeWorkerConfig } from './worker-config.ts';

const warmUp = 20;
const measured = 200;
/** Runs that one worker has at the same time, the measured one included. */
const inFlight = 100;

/** Milliseconds from `POST /agent/runs` until the configured `oz_path` executes, one run after the other. */
export async function measureDispatch(server: { url: string }, apiKey: string): Promise<number[]> {
  return withWorker(server, apiKey, (bench) => bench.latencies());
}

export interface InFlight {
  count: number;
  alone: number[];
  among: number[];
}

/** The same, on one worker: while it has nothing else to do, and while other runs are under way there. */
export async function measureInFlight(server: { url: string }, apiKey: string): Promise<InFlight> {
  return withWorker(server, apiKey, async (bench) => {
    const alone = await bench.latencies();
    await bench.fill(inFlight - 1);
    return { count: inFlight, alone, among: await bench.latencies() };
  });
}

interface DispatchBench {
  latencies(): Promise<number[]>;
  /** Starts runs that stay. */
  fill(count: number): Promise<void>;
}

async function withWorker<T>(
  server: { url: string },
  apiKey: string,
  measure: (bench: DispatchBench) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'oz-bench-'));
  const starts = await listenForStarts(join(folder, 'starts'));
  try {
    // Says that it has started, and stays where that is wished.
    const oz = `echo "$TASK_ID" > ${folder}/starts\n[ -e ${folder}/stay ] && exec sleep 3600`;
    const config = await writeWorkerConfig(folder, `${oz}\nexit 0`);
    await using _worker = await startWorker({ server, apiKey, args: ['--config-file', config] });
    const client = createClient({ rootUrl: server.url, credential: { apiKey } });
    return await measure({
      async latencies() {
        const latencies: number[] = [];
        for (let count = 0; count < warmUp + measured; count++) latencies.push(await latencyOfOne(client, starts));
        return latencies.slice(warmUp);
      },
      async fill(count) {
        await writeFile(join(folder, 'stay'), '');
        for (let started = 0; started < count; started++) await starts.of(await post(client));
        await rm(join(folder, 'stay'));
      },
    });
  } finally {
    starts.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function post(client: Client): Promise<string> {
  return (await client.createRun({ prompt: 'true', config: { harness: { type: 'shell' } } })).run_id;
}

async function latencyOfOne(client: Client, starts: Starts): Promise<number> {
  const from = performance.now();
  const runId = await post(client);
  const latency = (await starts.of(runId)) - from;
  // The next one finds an idle machine.
  while (!isTerminal((await client.getRun(runId)).state)) await sleep(systemClock, 10);
  return latency;
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
