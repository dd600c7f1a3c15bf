import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Clock } from '../common/clock.ts';

/** How long a program may take after it was told to hurry, before it is killed. In milliseconds. */
const hurryLimit = 10_000;

/**
 * A program that runs beside this one. It has a session of its own, so that a Ctrl-C in the terminal does not reach it
 * before this process says so, and a channel that closes when this process dies: then it stops by itself.
 */
export interface ChildProgram {
  readonly name: string;
  readonly logFile: string;
  readonly ended: Promise<Ending>;
  /** The first message that it sends. */
  readonly ready: Promise<unknown>;
  /** What it has logged since it was started. */
  log(): string;
  /** Asks it to stop and waits until it has. `hurry` asks again, and kills it if even that does not help. */
  stop(hurry: AbortSignal): Promise<void>;
}

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  name: string;
  script: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  logFile: string;
  clock: Clock;
}

export function startChild({ name, script, args, env, logFile, clock }: ChildOptions): ChildProgram {
  const file = openSync(logFile, 'a', 0o600);
  const logStart = fstatSync(file).size;
  const child = spawn(process.execPath, [script, ...args], {
    detached: true,
    stdio: ['ignore', file, file, 'ipc'],
    env,
  });
  closeSync(file);
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });

  return {
    name,
    logFile,
    ended,
    ready: new Promise((resolve) => child.once('message', resolve)),
    log: () => readFileSync(logFile).subarray(logStart).toString(),
    async stop(hurry) {
      child.kill('SIGTERM');
      const calmDown = insist(hurry, clock, (signal) => child.kill(signal));
      await ended.finally(calmDown);
    },
  };
}

/** Asks again as soon as `hurry` is aborted, and kills some time later; the returned function takes that back. */
function insist(hurry: AbortSignal, clock: Clock, kill: (signal: NodeJS.Signals) => void): () => void {
  let calmDown: (() => void) | undefined;
  const onHurry = () => {
    kill('SIGTERM');
    calmDown = clock.after(hurryLimit, () => kill('SIGKILL'));
  };
  if (hurry.aborted) onHurry();
  else hurry.addEventListener('abort', onHurry, { once: true });
  return () => {
    hurry.removeEventListener('abort', onHurry);
    calmDown?.();
  };
}
