import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Clock } from '../../common/clock.ts';
import type { Exit } from '../../process/exit.ts';
import { CodedError } from '../../protocol/errors.ts';
import type { OutputStream } from '../recorder.ts';
import { readPipe } from './pipe-reader.ts';
import { endGroup } from './process-group.ts';

export interface ProcessOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Ends the process and its whole group. */
  signal: AbortSignal;
  clock: Clock;
  /** Called with one chunk of a stream at a time; the pipe is not read on before it has resolved. */
  onOutput: (stream: OutputStream, bytes: Buffer) => Promise<void>;
}

/**
 * Milliseconds: what an ended process's children have to end by themselves, and what SIGTERM leaves before SIGKILL. The
 * worker gives the agent ten seconds to end, its farewell to the server included.
 */
const settle = 500;
const grace = 4_000;

/**
 * Runs a command in a process group of its own, without input, and returns when it has ended, its group is gone and its
 * output has been read. Throws `agent_failed` when it cannot be started.
 */
export async function runProcess(command: readonly [string, ...string[]], options: ProcessOptions): Promise<Exit> {
  const child = await start(command, options);
  const exited = once(child, 'exit') as Promise<[Exit['code'], Exit['signal']]>;
  const readers = [
    readPipe(child.stdout, (bytes) => options.onOutput('stdout', bytes), options.clock),
    readPipe(child.stderr, (bytes) => options.onOutput('stderr', bytes), options.clock),
  ];
  const stop = () => void endGroup(child.pid, options.clock, { settle: 0, grace });
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  const [code, signal] = await exited;
  options.signal.removeEventListener('abort', stop);
  await endGroup(child.pid, options.clock, { settle: options.signal.aborted ? 0 : settle, grace });
  await Promise.all(readers.map((reader) => reader.finish()));
  return { code, signal };
}

type RunningProcess = ChildProcessByStdio<null, Readable, Readable> & { pid: number };

async function start([program, ...args]: readonly [string, ...string[]], { cwd, env }: ProcessOptions) {
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  if (child.pid === undefined) throw notStarted(program, cwd, (await once(child, 'error'))[0]);
  return child as RunningProcess;
}

function notStarted(program: string, cwd: string, error: NodeJS.ErrnoException): CodedError {
  const reason = error.code === 'ENOENT' ? `${program} or the folder ${cwd} does not exist` : error.message;
  return new CodedError('agent_failed', `The script could not be started: ${reason}.`, { cause: error });
}
