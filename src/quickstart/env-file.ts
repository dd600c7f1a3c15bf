import { readFile, rename, writeFile } from 'node:fs/promises';

/** What a shell needs to use `oz` with this server. */
export interface ClientSettings {
  url: string;
  apiKey: string;
}

/** Undefined when there is no such file, or it holds no key: then a key has yet to be made. */
export async function readEnvFile(path: string): Promise<ClientSettings | undefined> {
  const text = await readOrNothing(path);
  const url = /^WARP_SERVER_ROOT_URL=(.*)$/m.exec(text)?.[1];
  const apiKey = /^WARP_API_KEY=(.*)$/m.exec(text)?.[1];
  return url && apiKey ? { url, apiKey } : undefined;
}

/** Whole or not at all: a reader never sees half of it, and it is never readable by others. */
export async function writeEnvFile(path: string, { url, apiKey }: ClientSettings): Promise<void> {
  const unfinished = `${path}.unfinished-${process.pid}`;
  const text = `# Written by npm start. The key gives access to everything of its team.\nWARP_SERVER_ROOT_URL=${url}\nWARP_API_KEY=${apiKey}\n`;
  await writeFile(unfinished, text, { mode: 0o600, flush: true });
  await rename(unfinished, path);
}

async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
