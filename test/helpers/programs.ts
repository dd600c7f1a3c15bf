import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isBuilt, root } from '../../scripts/build-stamp.ts';
import { endPostmasterOf } from './postmaster.ts';

/**
 * Starts the programs as they are released, from dist/ through bin/, for end-to-end tests:
 *
 *     await using server = await startServer();
 *     const key = await server.createApiKey('test');
 *     await using worker = await startWorker({ server, apiKey: key, args: ['--worker-id', 'one', '--backend', 'direct'] });
 *     const { code, stdout } = await oz(['run', 'list'], clientEnvironment(server, key));
 */
export type Program = 'oz' | 'oz-agent-worker' | 'oz-server';

/** How long anything here may take, in milliseconds, before the test is told what was being waited for. */
const patience = 30_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Finished extends Exit {
  stdout: string;
  stderr: string;
}

export interface RunningProgram extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Finished>;
  /** All that it has written to both streams so far. */
  output(): string;
  /** Resolves with the first match in its output; rejects when the program ends, or time is up, without one. */
  waitForOutput(pattern: RegExp): Promise<RegExpMatchArray>;
  kill(signal: NodeJS.Signals): void;
  /** Asks it to end, and makes it end when it does not. */
  stop(): Promise<Finished>;
}

interface StartOptions {
  args?: string[];
  /** Beside PATH, a HOME that is nobody's, and TMPDIR: nothing else of the test's own environment is passed on. */
  env?: Record<string, string>;
  cwd?: string;
  onMessage?: (message: unknown) => void;
  /** What `stop` asks it to end with. */
  stopSignal?: NodeJS.Signals;
}

export function startProgram(program: Program, options: StartOptions = {}): RunningProgram {
  return startNode(join(root, 'bin', `${program}.js`), options);
}

/** Runs `oz` to its end. */
export function oz(args: string[], env: Record<string, string> = {}, cwd?: string): Promise<Finished> {
  return startProgram('oz', { args, env, ...(cwd ? { cwd } : {}) }).ended;
}

/** What a person's shell has set after reading quickstart.env. */
export function clientEnvironment(server: { url: string }, apiKey: string): Record<string, string> {
  return { WARP_SERVER_ROOT_URL: server.url, WARP_API_KEY: apiKey };
}

export interface RunningServer extends RunningProgram {
  readonly url: string;
  readonly dataDir: string;
  createApiKey(name: string): Promise<string>;
}

/** A server with an embedded Postgres on a free port. A data folder that the caller names is the caller's to remove. */
export async function startServer(
  options: StartOptions & { dataDir?: string; port?: number } = {},
): Promise<RunningServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'oz-server-')));
  const listening = Promise.withResolvers<string>();
  const program = startProgram('oz-server', {
    ...options,
    args: ['--port', String(options.port ?? 0), '--data-dir', dataDir, ...(options.args ?? [])],
    onMessage: (message) => listening.resolve((message as { url: string }).url),
  });
  const dispose = async () => {
    await program.stop();
    // A server that was killed leaves its Postgres to the next one, and in a test there may be none.
    await endPostmasterOf(dataDir);
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const url = await untilReady(program, listening.promise, 'the server to listen');
    const createApiKey = (name: string) => createKey(dataDir, name, options.env);
    return { ...program, url, dataDir, createApiKey, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * A worker that is connected and listens for tasks. Stopping it ends its tasks; what it leaves when it is killed is beside
 * its temporary files, for the next one with the same TMPDIR.
 */
export async function startWorker(
  options: StartOptions & { server: { url: string }; apiKey: string },
): Promise<RunningProgram> {
  const ownFolder = options.env?.['TMPDIR'] ? undefined : await mkdtemp(join(tmpdir(), 'oz-worker-'));
  const stateHome = { XDG_STATE_HOME: ownFolder ?? options.env?.['TMPDIR'] ?? '' };
  const env = { ...stateHome, ...clientEnvironment(options.server, options.apiKey), ...options.env };
  const worker = startProgram('oz-agent-worker', { ...options, env, stopSignal: 'SIGINT' });
  const stop = async () => {
    const finished = await worker.stop();
    if (ownFolder !== undefined) await rm(ownFolder, { recursive: true, force: true });
    return finished;
  };
  try {
    await worker.waitForOutput(/Listening for tasks/);
    return { ...worker, stop, [Symbol.asyncDispose]: async () => void (await stop()) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function createKey(dataDir: string, name: string, env: Record<string, string> = {}): Promise<string> {
  const args = ['api-key', 'create', '--name', name, '--output-format', 'json', '--data-dir', dataDir];
  const { code, stdout, stderr } = await startProgram('oz-server', { args, env }).ended;
  if (code !== 0) throw new Error(`oz-server api-key create ended with ${code}: ${stderr}`);
  return (JSON.parse(stdout) as { raw_api_key: string }).raw_api_key;
}

export function startNode(script: string, options: StartOptions): RunningProgram {
  if (!isBuilt()) throw new Error('dist/ is missing or older than src/: run `npm run build`.');
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', TMPDIR: tmpdir(), ...options.env };
  const child = spawn(process.execPath, [script, ...(options.args ?? [])], {
    stdio: options.onMessage ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    env,
    cwd: options.cwd,
  });
  const written = { stdout: '', stderr: '', both: '' };
  const watchers = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      written[stream] += text;
      written.both += text;
      for (const look of watchers) look();
    });
  }
  if (options.onMessage) child.on('message', options.onMessage);
  const ended = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout: written.stdout, stderr: written.stderr });
    });
  });

  const program: RunningProgram = {
    pid: child.pid ?? 0,
    ended,
    output: () => written.both,
    waitForOutput(pattern) {
      const found = Promise.withResolvers<RegExpMatchArray>();
      const look = () => {
        const match = pattern.exec(written.both);
        if (match) found.resolve(match);
      };
      watchers.add(look);
      look();
      return untilReady(program, found.promise, String(pattern)).finally(() => watchers.delete(look));
    },
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill(options.stopSignal ?? 'SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), patience);
      return ended.finally(() => clearTimeout(timer));
    },
    [Symbol.asyncDispose]: async () => void (await program.stop()),
  };
  return program;
}

async function untilReady<T>(program: RunningProgram, ready: Promise<T>, what: string): Promise<T> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const fail = (reason: string) => reject(new Error(`Waited for ${what}, but ${reason}:\n${program.output()}`));
  const timer = setTimeout(() => fail(`${patience} ms passed`), patience);
  void program.ended.then(({ code, signal }) => fail(`the program ended with ${code ?? signal}`), reject);
  return Promise.race([ready, never]).finally(() => clearTimeout(timer));
}
