import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep, systemClock } from '../src/common/clock.ts';
import { startWorker } from '../test/helpers/programs.ts';
import { residentMemory } from './memory.ts';
import { writeWorkerConfig } from './worker-config.ts';

/** Until what the start has used is given back, in milliseconds. */
const settling = 10_000;

/** Bytes of memory of a daemon that is connected and has nothing to do. */
export async function measureIdleDaemon(server: { url: string }, apiKey: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'oz-bench-'));
  try {
    const config = await writeWorkerConfig(folder, 'exit 0');
    await using worker = await startWorker({ server, apiKey, args: ['--config-file', config] });
    await sleep(systemClock, settling);
    return await residentMemory(worker.pid);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
