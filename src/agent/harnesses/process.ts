import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { sleep, type Clock } from '../../common/clock.ts';
import type { Exit } from '../../process/exit.ts';
import { CodedError } from '../../protocol/errors.ts';
import type { OutputStream } from '../recorder.ts';
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
/** Milliseconds of silence after which a pipe is given up that only a process outside the group still holds. */
const leakedPipeSilence = 250;

/**
 * Runs a command in a process group of its own, without input, and returns when it has ended, its group is gone and its
 * output has been read. Throws `agent_failed` when it cannot be started.
 */
export async function runProcess(command: readonly [string, ...string[]], options: ProcessOptions): Promise<Exit> {
  const child = await start(command, options);
  const exited = once(child, 'exit') as Promise<[Exit['code'], Exit['signal']]>;
  const readers = [readPipe(child.stdout, 'stdout', options), readPipe(child.stderr, 'stderr', options)];
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

/** Reads a pipe to its end. */
function readPipe(pipe: Readable, stream: OutputStream, { onOutput, clock }: ProcessOptions) {
  let isWaiting = true;
  let chunks = 0;
  const reading = (async () => {
    for await (const chunk of pipe) {
      chunks += 1;
      isWaiting = false;
      await onOutput(stream, chunk as Buffer);
      isWaiting = true;
    }
  })();
  const ended = reading.then(
    () => true,
    (error: unknown) => {
      // That is how a pipe ends that `finish` gave up.
      if (!pipe.destroyed) throw error;
      return true;
    },
  );
  return {
    /** Waits for the end, as long as anything comes: a process that left the group may hold the pipe for ever. */
    async finish() {
      for (let seen = -1; ; seen = chunks) {
        if (await Promise.race([ended, sleep(clock, leakedPipeSilence).then(() => false)])) return;
        if (isWaiting && seen === chunks) pipe.destroy();
      }
    },
  };
}
