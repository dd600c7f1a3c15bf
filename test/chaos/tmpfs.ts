import { execFileSync } from 'node:child_process';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { tmpdir } from 'node:os';

/** Undefined where small file systems can be mounted. */
export function whyNoMounts(): string | undefined {
  if (process.getuid?.() !== 0) return 'it needs root, to mount a small file system';
  try {
    // In a mount namespace of its own: nothing is left of it.
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'it may not mount a small file system here';
  }
}

export interface Mounted extends AsyncDisposable {
  readonly folder: string;
}

export async function mountTmpfs(folder: string, size: string): Promise<Mounted> {
  const run = promisify(execFile);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', folder]);
  // Lazily, because what is being killed may still have a file of it open.
  return { folder, [Symbol.asyncDispose]: async () => void (await run('umount', ['--lazy', folder])) };
}
