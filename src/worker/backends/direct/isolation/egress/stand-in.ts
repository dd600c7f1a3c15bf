import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * Runs a program as this one's child and ends as it ends. Signals are meant for the program and reach it by itself,
 * because they are sent to the whole group; this process stays until it has ended.
 */
export function standInFor([program = '', ...args]: readonly string[], directory: string): Promise<number> {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const child = spawn(program, args, { cwd: directory, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
  });
}

/** `<what to do, as JSON> -- <program> <its arguments…>` */
export function readArguments(args: readonly string[]): { task: unknown; command: readonly string[] } {
  return { task: JSON.parse(args[0] ?? '{}') as unknown, command: args.slice(2) };
}
