import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** What a running server leaves in its data folder for the commands beside it. */
const runningServerSchema = z.object({ url: z.string() });

export async function writeRunningServer(dataDir: string, url: string): Promise<void> {
  const path = pathIn(dataDir);
  // Put in place whole: a command may read at any moment.
  await writeFile(`${path}.new`, JSON.stringify({ url }), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export async function removeRunningServer(dataDir: string): Promise<void> {
  await rm(pathIn(dataDir), { force: true });
}

/** The address of the server that runs on this folder; undefined when none has said so. */
export async function readRunningServer(dataDir: string): Promise<string | undefined> {
  try {
    return runningServerSchema.parse(JSON.parse(await readFile(pathIn(dataDir), 'utf8'))).url;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'server.json');
}
