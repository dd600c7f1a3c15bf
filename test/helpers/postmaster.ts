import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Ends the Postgres that a killed server left running in its data folder, if it did. */
export async function endPostmasterOf(dataDir: string): Promise<void> {
  for await (const file of glob(`${dataDir}/**/postmaster.pid`)) {
    const pid = Number((await readFile(file, 'utf8')).split('\n', 1)[0]);
    if (pid > 1 && isAlive(pid)) await end(pid);
  }
}

/** Kills the Postgres of a data folder, if there is one at this moment. */
export async function killPostmasterOf(dataDir: string): Promise<void> {
  try {
    const file = join(dataDir, 'postgres', 'data', 'postmaster.pid');
    process.kill(Number((await readFile(file, 'utf8')).split('\n', 1)[0]), 'SIGKILL');
  } catch (error) {
    // It has just ended, or is just being started.
    if (!['ESRCH', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

async function end(pid: number): Promise<void> {
  process.kill(pid, 'SIGQUIT');
  while (isAlive(pid)) await delay(20);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
