import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findSystemProgram } from '../../../../process/find-program.ts';

/** A sentence on what this host can isolate tasks by, or on what it lacks and how to mend that. */
export interface IsolationFinding {
  isFine: boolean;
  sentence: string;
}

/** For somebody who asks before anything is configured; what is configured is checked when the worker starts. */
export async function describeIsolation(): Promise<IsolationFinding[]> {
  return [describeUsers(), await describeSandbox()];
}

function describeUsers(): IsolationFinding {
  const missing = ['setpriv', 'getent'].filter((name) => findSystemProgram(name) === undefined);
  if (missing.length > 0)
    return lacking(`run_as needs ${missing.join(' and ')}: install util-linux and the C library's programs.`);
  if (process.getuid?.() !== 0) return lacking('run_as needs a worker that is started as root.');
  return { isFine: true, sentence: 'Tasks can be run as other users (run_as).' };
}

async function describeSandbox(): Promise<IsolationFinding> {
  const [env, bwrap] = ['env', 'bwrap'].map(findSystemProgram);
  if (process.platform !== 'linux') return lacking('The sandbox is for Linux alone.');
  if (env === undefined || bwrap === undefined)
    return lacking('The sandbox needs bubblewrap: install the package bubblewrap.');
  const mounts = ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp'];
  const spaces = ['--unshare-pid', '--unshare-ipc', '--unshare-net', '--cap-drop', 'ALL', '--'];
  try {
    await promisify(execFile)(
      env,
      ['--ignore-signal=TERM', bwrap, ...mounts, ...spaces, env, '--default-signal=TERM', 'true'],
      {
        timeout: 10_000,
      },
    );
    return {
      isFine: true,
      sentence: 'Agents can be run in a sandbox, with and without a network (sandbox: bubblewrap).',
    };
  } catch (error) {
    const words = ((error as { stderr?: string }).stderr ?? (error as Error).message).trim().replaceAll('\n', '; ');
    return lacking(`The sandbox does not work: ${words}. ${sandboxAdvice(words)}`);
  }
}

/** What to do about what bubblewrap, or the `env` around it, has said. */
export function sandboxAdvice(words: string): string {
  if (words.includes('bwrap') && /namespace|uid map|\/proc|loopback/i.test(words)) {
    return 'Let this user make user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns), or start the worker as root with run_as.';
  }
  if (words.includes('-signal')) return 'It needs the env of GNU coreutils 8.31 or newer.';
  return 'Every folder above the workspaces, the state folder, oz and its Node must be open to that user.';
}

function lacking(sentence: string): IsolationFinding {
  return { isFine: false, sentence };
}
