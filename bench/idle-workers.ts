import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { RunningServer } from '../test/helpers/programs.ts';
import { residentMemory } from './memory.ts';
import { connectPoster } from './poster.ts';

const count = 10_000;
const warmUp = 50;
const measured = 500;
const body = JSON.stringify({ prompt: 'true', config: { harness: { type: 'shell' } } });

/** What the process with all the workers says: that they are connected, or when one of them was offered a run. */
export type WordOfCrowd = { connected: number } | { offeredAt: number };

interface IdleWorkers {
  count: number;
  /** Milliseconds from POST until one of the workers is offered the run. */
  latencies: number[];
  /** Bytes that the server holds while all of them are connected. */
  memory: number;
}

/** Workers that speak the second protocol and have nothing to do, all on one server; then a run every now and then. */
export async function measureIdleWorkers(server: RunningServer, apiKey: string): Promise<IdleWorkers> {
  const crowd = fork(join(import.meta.dirname, 'idle-crowd.ts'), [server.url, String(count)], {
    env: { PATH: process.env['PATH'], WARP_API_KEY: apiKey },
  });
  const exited = once(crowd, 'exit');
  try {
    await Promise.race([nextWord(crowd), exited.then(fail)]);
    const latencies = await Promise.race([dispatchAmong(crowd, server, apiKey), exited.then(fail)]);
    return { count, latencies: latencies.slice(warmUp), memory: await residentMemory(server.pid) };
  } finally {
    crowd.kill();
    await exited;
  }
}

function fail(): never {
  throw new Error('The process with the idle workers has ended.');
}

async function dispatchAmong(crowd: ChildProcess, server: RunningServer, apiKey: string): Promise<number[]> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const poster = await connectPoster(new URL('/api/v1/agent/runs', server.url), headers, body);
  const latencies: number[] = [];
  for (let runs = 0; runs < warmUp + measured; runs++) {
    const offered = nextWord(crowd);
    const from = performance.timeOrigin + performance.now();
    await poster.post();
    const word = await offered;
    if ('offeredAt' in word) latencies.push(word.offeredAt - from);
  }
  poster.close();
  return latencies;
}

async function nextWord(crowd: ChildProcess): Promise<WordOfCrowd> {
  const [word] = (await once(crowd, 'message')) as [WordOfCrowd];
  return word;
}
