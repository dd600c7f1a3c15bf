import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { clientEnvironment } from '../test/helpers/programs.ts';
import { root } from '../scripts/build-stamp.ts';

const warmUp = 3;
const measured = 15;

/** Milliseconds from the start of `oz` with these arguments to its end, of one start after the other. */
export async function measureCommand(args: string[], server: { url: string }, apiKey: string): Promise<number[]> {
  const env = { PATH: process.env['PATH'], ...clientEnvironment(server, apiKey) };
  const times: number[] = [];
  for (let count = 0; count < warmUp + measured; count++) {
    const from = performance.now();
    const child = spawn(process.execPath, [join(root, 'bin', 'oz.js'), ...args], { env, stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`oz ${args.join(' ')} ended with ${code}.`);
    times.push(performance.now() - from);
  }
  return times.slice(warmUp);
}
