import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { NamespaceOwner } from '../containment.ts';
import { findSystemProgram } from '../find-program.ts';

/**
 * Its first process: it reaps what has lost its parents, and waits. It keeps no output open, which somebody might wait
 * for the end of.
 */
const init = 'echo ready; exec >/dev/null 2>&1; while :; do sleep 2147483647 & wait; done';

/**
 * Starts what keeps a new PID namespace in being, and returns the number of the process whose children are in it. That
 * process lives on after this program; at its end, the kernel kills all that is in the namespace.
 */
export async function holdNamespace(marker: string, owner: NamespaceOwner): Promise<number> {
  const [name = '', value = ''] = marker.split('=');
  const user = owner === 'user' ? ['--user', '--map-current-user'] : [];
  const args = [...user, '--pid', '--fork', '--kill-child', '--mount-proc', '/bin/sh', '-c', init];
  const holder = spawn(requireSystemProgram('unshare'), args, {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', [name]: value },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const words: string[] = [];
  holder.stderr.setEncoding('utf8').on('data', (text: string) => words.push(text));
  const [ready] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit').then(() => [])]);
  holder.stdout.destroy();
  holder.stderr.destroy();
  holder.unref();
  if (ready === undefined || holder.pid === undefined) throw new Error(words.join('').trim() || 'unshare failed');
  return holder.pid;
}

/** Starts what follows it so that its children are in the namespace that `holder` keeps. */
export function namespaceEntry(holder: number, owner: NamespaceOwner): string[] {
  const of = (name: string) => `/proc/${holder}/ns/${name}`;
  const user = owner === 'user' ? [`--user=${of('user')}`, '--preserve-credentials'] : [];
  const nsenter = requireSystemProgram('nsenter');
  return [nsenter, ...user, `--mount=${of('mnt')}`, `--pid=${of('pid_for_children')}`, '--no-fork'];
}

function requireSystemProgram(name: string): string {
  const program = findSystemProgram(name);
  if (program === undefined) throw new Error(`there is no ${name} on this host`);
  return program;
}
