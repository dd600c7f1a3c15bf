import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/build-stamp.ts';

/**
 * A folder that stands for a machine with a worker: `workspaces/`, `bin/oz`, `scripts/`, and `out/` for what a test's
 * scripts leave for it to read.
 */
export interface WorkerHost extends AsyncDisposable {
  readonly folder: string;
  readonly workspaces: string;
  readonly oz: string;
  path(...names: string[]): string;
  /** Writes an executable shell script into `scripts/`. */
  script(name: string, body: string): Promise<string>;
  file(name: string, text: string): Promise<string>;
  read(name: string): Promise<string>;
  /** Names of the workspaces that exist. */
  listWorkspaces(): Promise<string[]>;
}

export async function makeWorkerHost(): Promise<WorkerHost> {
  const folder = await mkdtemp(join(tmpdir(), 'oz-host-'));
  const path = (...names: string[]) => join(folder, ...names);
  await Promise.all(['workspaces', 'bin', 'scripts', 'out'].map((name) => mkdir(path(name))));
  await symlink(join(root, 'bin/oz.js'), path('bin/oz'));
  return {
    folder,
    path,
    workspaces: path('workspaces'),
    oz: path('bin/oz'),
    async script(name, body) {
      const file = path('scripts', name);
      await writeFile(file, `#!/bin/sh\nset -eu\n${body}\n`);
      await chmod(file, 0o755);
      return file;
    },
    async file(name, text) {
      await writeFile(path(name), text);
      return path(name);
    },
    read: (name) => readFile(path(name), 'utf8'),
    listWorkspaces: () => readdir(path('workspaces')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What `env -0` printed, as an object. */
export function parseEnvironment(printed: string): Record<string, string> {
  const pairs = printed.split('\0').filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}
