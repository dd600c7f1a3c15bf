import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { root } from '../../scripts/build-stamp.ts';
import { openIsolation } from '../../src/worker/backends/direct/isolation/open-isolation.ts';
import type { DirectConfig } from '../../src/worker/config/config.ts';

interface MachineOptions {
  runAs?: readonly string[] | undefined;
  sandbox?: Partial<DirectConfig['sandbox']>;
  privateTmp?: boolean;
  maxConcurrentTasks?: number;
  server?: string;
  mode?: number;
}

/** A host with a state folder and workspaces, and an `oz`. */
export async function makeMachine({
  runAs,
  sandbox,
  privateTmp = false,
  maxConcurrentTasks = 1,
  server,
  mode = 0o755,
}: MachineOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'isolation-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, mode);
  const state = join(folder, 'state/w/instance');
  const configFile = join(folder, 'worker.yaml');
  await mkdir(state, { recursive: true, mode: 0o700 });
  await mkdir(join(folder, 'workspaces'));
  await mkdir(join(folder, 'hidden/shown'), { recursive: true });
  await writeFile(join(folder, 'hidden/secret'), 'secret');
  await writeFile(join(folder, 'hidden/shown/file'), 'shown');
  await writeFile(configFile, 'secret');
  await writeFile(join(folder, 'oz'), '#!/bin/sh\necho oz', { mode: 0o755 });
  const named = (paths?: readonly string[]) => paths?.map((path) => path.replace('HIDDEN', join(folder, 'hidden')));
  const direct = {
    workspaceRoot: join(folder, 'workspaces'),
    runAs: runAs && [...runAs],
    sandbox: sandbox && {
      type: 'bubblewrap',
      ...sandbox,
      hidden: named(sandbox.hidden),
      readable: named(sandbox.readable),
    },
    privateTmp,
  } as DirectConfig;
  const isolation = await openIsolation({
    config: {
      direct,
      server: { rootUrl: server ?? 'http://127.0.0.1:8080', isConfigured: true },
      sessionSharingServerUrl: undefined,
      maxConcurrentTasks: runAs === undefined ? maxConcurrentTasks : Math.max(maxConcurrentTasks, runAs.length),
      stateDir: join(folder, 'state'),
    },
    configFile,
    stateFolder: state,
    oz: { program: join(folder, 'oz'), args: [] },
    host: process.env,
    programs: { folder: join(root, 'src/worker'), extension: '.ts' },
  });
  return { folder, state, configFile, isolation, task: (slot: number) => makeTask(isolation, folder, state, slot) };
}

let tasks = 0;

async function makeTask(
  isolation: Awaited<ReturnType<typeof openIsolation>>,
  folder: string,
  stateFolder: string,
  slot: number,
) {
  tasks += 1;
  const place = {
    workspace: join(folder, `workspaces/${tasks}`),
    isShared: false,
    state: join(stateFolder, `task-${tasks}`),
  };
  await Promise.all([place.workspace, place.state].map((path) => mkdir(path, { mode: 0o700 })));
  const task = await isolation.forTask(place, slot);
  type Stage = Parameters<typeof task.enter>[0];
  const command = (stage: Stage, script: string, variables: Record<string, string>) => {
    const basic = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...task.host, ...variables };
    const defined = Object.entries(basic).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const { through, environment } = task.enter(stage, Object.fromEntries(defined));
    const whole = [...through, '/bin/sh', '-c', script];
    const [program = '', ...args] = whole as readonly string[];
    return { program, args, options: { env: environment, cwd: place.workspace } };
  };
  const runWhole = (stage: Stage, script: string, variables = {}) => {
    const { program, args, options } = command(stage, script, variables);
    return promisify(execFile)(program, args, options);
  };
  return {
    place,
    isolation: task,
    tmp: join(place.state, 'tmp'),
    runWhole,
    run: async (stage: Stage, script: string, variables = {}) => (await runWhole(stage, script, variables)).stdout,
    start(stage: Stage, script: string) {
      const { program, args, options } = command(stage, script, {});
      return spawn(program, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    },
  };
}
