import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findSystemProgram } from '../../../../process/find-program.ts';

export interface SandboxProblem {
  what: string;
  advice: string;
}

/** Why this host has no sandbox for agents, and how to mend that; undefined where it has one. */
export async function whyNoSandbox(): Promise<SandboxProblem | undefined> {
  if (process.platform !== 'linux') return { what: 'bubblewrap is for Linux alone', advice: 'Leave sandbox out.' };
  const [env, bwrap] = ['env', 'bwrap'].map(findSystemProgram);
  if (env === undefined || bwrap === undefined) {
    return { what: 'bubblewrap is not installed', advice: 'Install the package bubblewrap.' };
  }
  const mounts = '--ro-bind / / --dev /dev --proc /proc --tmpfs /tmp'.split(' ');
  const spaces = '--unshare-pid --unshare-ipc --unshare-net --cap-drop ALL --'.split(' ');
  const args = ['--ignore-signal=TERM', bwrap, ...mounts, ...spaces, env, '--default-signal=TERM', 'true'];
  try {
    await promisify(execFile)(env, args, { timeout: 10_000 });
    return undefined;
  } catch (error) {
    const words = ((error as { stderr?: string }).stderr || (error as Error).message).trim().replaceAll('\n', '; ');
    return { what: `bubblewrap cannot make a sandbox here: ${words}`, advice: sandboxAdvice(words) };
  }
}

/** What to do about what bubblewrap, or the `env` around it, has said. */
export function sandboxAdvice(words: string): string {
  if (words.includes('bwrap') && /namespace|uid map|\/proc|loopback/i.test(words)) {
    return 'Let this user make user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns), or start the worker as root with run_as.';
  }
  if (words.includes('-signal')) return 'Install the env of GNU coreutils, 8.31 or newer.';
  return 'Every folder above the workspaces, the state folder, oz and its Node must be open to that user.';
}
