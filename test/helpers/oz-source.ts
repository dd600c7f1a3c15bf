import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { sourceProgram } from './source-program.ts';

export interface RunningOz {
  child: ChildProcess;
  /** What it has written to standard output so far. */
  stdout(): Buffer;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>;
}

/** Starts `oz` from its sources, in an environment that holds PATH and what is named. */
export function startOz(args: readonly string[], env: Record<string, string> = {}): RunningOz {
  const child = spawn(process.execPath, [...sourceProgram('cli/main.ts'), ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on('data', (bytes: Buffer) => written.stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => written.stderr.push(bytes));
  const stdout = () => Buffer.concat(written.stdout);
  const end = async () => {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { code, signal, stdout: stdout().toString(), stderr: Buffer.concat(written.stderr).toString() };
  };
  return { child, stdout, ended: end() };
}
