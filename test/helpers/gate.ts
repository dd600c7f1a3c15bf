import { execFile } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A point in a task's script that it does not pass before the test lets it: `cat <path>` waits there. */
export interface Gate {
  readonly path: string;
  open(): Promise<void>;
}

export async function makeGate(path: string): Promise<Gate> {
  await rm(path, { force: true });
  await promisify(execFile)('mkfifo', [path]);
  return {
    path,
    async open() {
      // Opening a FIFO to write waits for its reader, so the script has really come this far.
      const fifo = await open(path, 'w');
      await fifo.close();
    },
  };
}
