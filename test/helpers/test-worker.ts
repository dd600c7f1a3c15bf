import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { createProcessTable } from '../../src/process/process-table.ts';
import { startFakeServer, type FakeServer } from './fake-server.ts';
import { sourceProgram } from './source-program.ts';

export const apiKey = 'wk-daemon-0123456789';

export interface WorkerSetup {
  /** What `oz` does, as a shell script, when it is asked for more than its version. */
  oz?: string;
  setup?: string;
  teardown?: string;
  args?: string[];
  env?: Record<string, string>;
  /** Further lines of `backend.direct` in the config file. */
  direct?: string[];
  /** Further lines of the config file. */
  lines?: string[];
  /** Called with the folder before anything is started. */
  prepare?: (folder: string) => Promise<void>;
  isV2?: boolean;
  /** Whether it is started with a channel to its parent. */
  ipc?: boolean;
}

export interface TestWorker {
  readonly server: FakeServer;
  readonly process: WorkerProcess;
  readonly folder: string;
  readonly root: string;
  /** Sends an assignment and returns its ids. */
  assign(more?: AssignmentOptions): { taskId: string; executionId: string };
  cancel(taskId: string): void;
  /** Starts a daemon in the place of the last one, or beside it. It is connected when this resolves. */
  relaunch(change?: Partial<WorkerSetup>): Promise<void>;
}

interface AssignmentOptions {
  taskId?: string;
  task?: object;
  env?: Record<string, string>;
  args?: string[];
  fenceAfterSeconds?: number;
  /** Sent to the next connection as soon as it is made, instead of to the one there is. */
  withTheGreeting?: boolean;
}

export interface WorkerProcess {
  readonly pid: number;
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Closes the channel to its parent, as the parent's death does. */
  hangUp(): void;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** A real daemon, connected to a fake server. Afterwards nothing of it may be left: no process and no file. */
export async function startTestWorker(setup: WorkerSetup = {}): Promise<TestWorker> {
  const folder = await makeFolder();
  await setup.prepare?.(folder);
  const server = await startFakeServer({ isV2: setup.isV2 ?? true });
  const taskIds: string[] = [];
  const root = join(folder, 'root');
  const processes = [await launch(folder, server.url, setup)];
  onTestFinished(async () => {
    for (const process of processes) {
      process.kill('SIGINT');
      await process.exited;
    }
    await server[Symbol.asyncDispose]();
    await expectNothingLeft(folder, taskIds);
  });
  await server.until(() => server.opened() === 1);
  return {
    server,
    get process() {
      return processes.at(-1) as WorkerProcess;
    },
    folder,
    root,
    assign(options = {}) {
      const { taskId = randomUUID() } = options;
      const executionId = randomUUID();
      taskIds.push(taskId);
      const message = { type: 'task_assignment', data: assignment(taskId, executionId, options) };
      if (options.withTheGreeting) server.greetWith(message);
      else server.send(message);
      return { taskId, executionId };
    },
    cancel: (taskId) => server.send({ type: 'task_cancellation', data: { task_id: taskId } }),
    async relaunch(change = {}) {
      const before = server.opened();
      processes.push(await launch(folder, server.url, { ...setup, ...change }));
      await server.until(() => server.opened() > before);
    },
  };
}

export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'worker-test-'));
  await mkdir(join(folder, 'tmp'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** Writes an `oz` and a config file into the folder, and starts the daemon with them. */
export async function launch(folder: string, url: string, setup: WorkerSetup): Promise<WorkerProcess> {
  const oz = join(folder, 'oz');
  const version = '[ "$1" = --version ] && echo "oz of the test" && exit 0';
  await writeFile(oz, `#!/bin/sh\n${version}\n${setup.oz ?? 'exit 0'}\n`, { mode: 0o755 });
  const command = (key: string, script?: string) => (script ? [`    ${key}: ${JSON.stringify(script)}`] : []);
  const lines = [
    'worker_id: test-worker',
    `state_dir: ${join(folder, 'state')}`,
    ...(setup.lines ?? []),
    'backend:',
    '  direct:',
    `    workspace_root: ${join(folder, 'root')}`,
    `    oz_path: ${oz}`,
    ...command('setup_command', setup.setup),
    ...command('teardown_command', setup.teardown),
    ...(setup.direct ?? []).map((line) => `    ${line}`),
  ];
  await writeFile(join(folder, 'worker.yaml'), lines.join('\n'));
  return startDaemon(
    ['--config-file', join(folder, 'worker.yaml'), ...(setup.args ?? [])],
    {
      WARP_API_KEY: apiKey,
      WARP_SERVER_ROOT_URL: url,
      TMPDIR: join(folder, 'tmp'),
      ...setup.env,
    },
    { ipc: setup.ipc ?? false },
  );
}

export function startDaemon(args: string[], env: Record<string, string>, { ipc = false } = {}): WorkerProcess {
  const child = spawn(globalThis.process.execPath, [...sourceProgram('worker/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe', ipc ? 'ipc' : 'ignore'],
    env: {
      PATH: globalThis.process.env['PATH'] ?? '',
      HOME: '/nonexistent',
      XDG_STATE_HOME: env['TMPDIR'] ?? '/nonexistent',
      ...env,
    },
  });
  let output = '';
  child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
  // Not `close`, which never comes once the channel has been hung up.
  const exited = Promise.all([
    once(child, 'exit'),
    ...[child.stdout, child.stderr].map((stream) => once(stream ?? child, 'end')),
  ]).then(([[code, signal]]) => ({ code, signal }));
  return {
    pid: child.pid ?? 0,
    output: () => output,
    kill: (signal) => void child.kill(signal),
    hangUp: () => child.disconnect(),
    exited,
  };
}

/** Waits until a file that a task writes has this in it, and returns all of it. */
export async function fileWith(path: string, part: string): Promise<string> {
  return vi.waitFor(
    async () => {
      const text = await readFile(path, 'utf8');
      expect(text).toContain(part);
      return text;
    },
    { timeout: 10_000, interval: 10 },
  );
}

export async function processesOf(taskIds: string[]): Promise<number[]> {
  const entries = await createProcessTable().snapshot();
  const environment = (pid: number) => entries.find((entry) => entry.pid === pid)?.environment.toString() ?? '';
  return entries.map(({ pid }) => pid).filter((pid) => taskIds.some((id) => environment(pid).includes(id)));
}

/** A shim ends when the code that it has written is on the disk, which may be busy; what has leaked stays. */
export async function expectNoProcessesOf(taskIds: string[]): Promise<void> {
  await expect.poll(() => processesOf(taskIds), { timeout: 10_000 }).toEqual([]);
}

async function expectNothingLeft(folder: string, taskIds: string[]): Promise<void> {
  await expectNoProcessesOf(taskIds);
  expect(await readdir(join(folder, 'tmp'))).toEqual([]);
  expect(existsSync(join(folder, 'state/test-worker'))).toBe(false);
}

function assignment(taskId: string, executionId: string, { task, env, args, fenceAfterSeconds }: AssignmentOptions) {
  const required = { id: taskId, title: 'A task', task_definition: { prompt: 'do' }, created_at: '', updated_at: '' };
  return {
    task_id: taskId,
    execution_id: executionId,
    task: { ...required, ...task },
    env_vars: { WARP_API_KEY: `token-of-${taskId}`, ...env },
    ...(args ? { additional_oz_args: args } : {}),
    ...(fenceAfterSeconds ? { fence_after_seconds: fenceAfterSeconds } : {}),
  };
}
