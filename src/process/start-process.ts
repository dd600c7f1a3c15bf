import { spawn, type ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';
import type { Exit } from './exit.ts';
import { sendSignal, signalLeft } from './send-signal.ts';

export interface Command {
  program: string;
  args: readonly string[];
  /** The working directory. */
  directory: string;
  /** All that the process sees of an environment; nothing is inherited. */
  environment: Readonly<Record<string, string>>;
  /** The file that standard output and standard error go to; it must not exist yet. */
  output: string;
}

/** A running process at the head of a session and a process group of its own. */
export interface StartedProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  hasExited(): boolean;
  /** Signals every process of the group, as long as the group is this process's own. False when nobody is left in it. */
  signalGroup(signal: NodeJS.Signals): boolean;
}

/**
 * Starts a command with `/dev/null` as its standard input. Its output goes to a file and not to a pipe, so that neither
 * a slow reader holds it up nor this process's death ends it.
 */
export async function startProcess(command: Command): Promise<StartedProcess> {
  const output = await open(command.output, 'ax', 0o600);
  try {
    return await startWith(command, output.fd);
  } finally {
    await output.close();
  }
}

async function startWith(command: Command, output: number): Promise<StartedProcess> {
  const child = spawn(command.program, command.args, {
    cwd: command.directory,
    env: command.environment,
    stdio: ['ignore', output, output],
    detached: true,
  });
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const pid = await startedPid(child);
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  const signalGroup = (signal: NodeJS.Signals) => (hasExited() ? signalLeft(pid, signal) : sendSignal(-pid, signal));
  return { pid, exited, hasExited, signalGroup };
}

function startedPid(child: ChildProcess): Promise<number> {
  const { pid } = child;
  if (pid !== undefined) return Promise.resolve(pid);
  return new Promise((_resolve, reject) => child.once('error', reject));
}
