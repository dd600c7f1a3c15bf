import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../common/clock.ts';
import { environmentContainment } from '../../../process/containment.ts';
import { openContainments } from '../../../process/containments.ts';
import { createProcessTable } from '../../../process/process-table.ts';
import type { RunId } from '../../../protocol/ids.ts';
import { assignmentSchema } from '../../../protocol/worker-link.ts';
import { createDirectBackend } from './direct-backend.ts';
import { removeTree } from '../../workspace/remove-tree.ts';
import type { DirectSettings } from './direct-task.ts';
import type { Isolation, TaskIsolation } from './isolation/isolation.ts';

test('a teardown that takes too long is ended with all it started, and is only a warning', async () => {
  const { execute, warnings, root } = await create({
    teardownCommand: 'setsid sleep 600 & exec sleep 600',
    teardownLimit: 50,
  });
  const teardownProblem = 'The teardown command took too long and was ended.';
  expect(await execute()).toEqual({ ...completed, teardownProblem });
  expect(warnings()).toEqual([teardownProblem]);
  expect(await readdir(root)).toEqual([]);
});

test('a teardown is not begun when there is no time left', async () => {
  const { execute, warnings } = await create({ teardownCommand: 'touch ../torn', hurry: AbortSignal.abort() });
  const teardownProblem = 'The teardown command was skipped: there is no time left.';
  expect(await execute()).toEqual({ ...completed, teardownProblem });
  expect(warnings()).toEqual([teardownProblem]);
});

test('a teardown that a host could not begin for a moment is begun again, and runs once', async () => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  let tries = 0;
  const enter: TaskIsolation['enter'] = (stage, environment) => {
    if (stage === 'teardown' && ++tries === 1) throw full;
    return { through: [], environment };
  };
  const { execute, warnings, root } = await create({
    isolation: entering(enter),
    teardownCommand: 'echo torn >> ../torn',
  });
  expect(await execute()).toEqual({ ...completed, teardownProblem: undefined });
  expect(warnings()).toEqual(['The teardown command could not be begun yet: no space left on device.']);
  expect(await readFile(join(root, 'torn'), 'utf8')).toBe('torn\n');
});

test.each([undefined, ''])(
  'a teardown that could not be begun yet is left to the next daemon, which runs it once (its beginning: %j)',
  async (beginning) => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const frozen = Promise.withResolvers<void>();
    let isFrozen = false;
    const enter: TaskIsolation['enter'] = (stage, environment) => {
      if (stage !== 'teardown' || isFrozen) return { through: [], environment };
      isFrozen = true;
      throw full;
    };
    const save = () => (isFrozen ? new Promise<void>(() => frozen.resolve()) : Promise.resolve());
    const { execute, root } = await create({
      isolation: entering(enter),
      teardownCommand: 'echo torn >> ../torn',
      save,
    });
    const taskId = randomUUID() as RunId;
    void execute(taskId);
    await frozen.promise;
    expect(await readdir(root)).not.toContain('torn');
    isFrozen = false;
    if (beginning !== undefined) await writeFile(join(root, '../state/teardown.1/beginning'), beginning);
    expect(await execute(taskId)).toMatchObject({ teardownProblem: undefined });
    expect(await readFile(join(root, 'torn'), 'utf8')).toBe('torn\n');
  },
);

test('a teardown that cannot be begun for good is given up at once', async () => {
  const enter: TaskIsolation['enter'] = (stage, environment) => {
    if (stage === 'teardown') throw new Error('no user is left');
    return { through: [], environment };
  };
  const { execute } = await create({ isolation: entering(enter), teardownCommand: 'true' });
  const teardownProblem = 'The teardown command could not be run: no user is left.';
  expect(await execute()).toEqual({ ...completed, teardownProblem });
});

test('an id that is no plain name makes no folder, even where nobody checked it before', async () => {
  const { execute, root } = await create();
  await expect(execute('../escape' as RunId)).rejects.toThrow('is not a plain name');
  expect(await readdir(join(root, '..'))).toEqual(['root', 'state']);
});

test('a workspace with folders that may not be written to is removed all the same', async () => {
  const { execute, root, warnings } = await create({ oz: ['-c', 'mkdir -p a/b && touch a/b/c && chmod 500 a/b a'] });
  expect(await execute()).toEqual(completed);
  expect(warnings()).toEqual([]);
  expect(await readdir(root)).toEqual([]);
});

test('a setup that leaves a folder for an environment file has failed, and is torn down like any other', async () => {
  const { execute, warnings, root } = await create({
    setupCommand: 'rm "$OZ_ENVIRONMENT_FILE"; mkdir -p "$OZ_ENVIRONMENT_FILE/a"',
    teardownCommand: 'touch ../torn',
  });
  expect(await execute()).toMatchObject({ outcome: { kind: 'failed', reason: 'setup_command' } });
  expect(warnings()).toEqual([]);
  expect(await readdir(root)).toEqual(['torn']);
});

test.each(['mkfifo', 'ln -s /dev/zero', 'truncate -s 2M'])(
  'a setup that leaves `%s` for an environment file has failed, and keeps nobody waiting',
  async (make) => {
    const setupCommand = `rm "$OZ_ENVIRONMENT_FILE"; ${make} "$OZ_ENVIRONMENT_FILE"`;
    const { execute, root } = await create({ setupCommand });
    expect(await execute()).toMatchObject({ outcome: { kind: 'failed', reason: 'setup_command' } });
    expect(await readdir(root)).toEqual([]);
  },
);

test('a task that is ended while its workspace is made starts no setup', async () => {
  const end = new AbortController();
  const { execute, root } = await create({ setupCommand: 'touch ../began', signal: end.signal });
  const outcome = execute();
  end.abort();
  expect(await outcome).toMatchObject({ outcome: { kind: 'ended' } });
  expect(await readdir(root)).toEqual([]);
});

test('a limit that the agent met neither ends teardown nor is blamed on it', async () => {
  const { execute } = await create({
    oz: ['-c', 'exec sleep 600'],
    teardownCommand: 'echo > ../torn; exit 3',
    limits: { memory: 1 },
    met: 'memory',
  });
  expect(await execute()).toMatchObject({
    outcome: { kind: 'failed', reason: 'container_oom' },
    teardownProblem: 'The teardown command exited with code 3.',
  });
});

test('a console that cannot be shown ends no task', async () => {
  const { execute, warnings } = await create({ openConsole: () => Promise.reject(new Error('too many open files')) });
  expect(await execute()).toEqual(completed);
  expect(warnings()).toEqual(['What the agent command writes cannot be shown']);
});

test('a task that was ended after an earlier daemon had begun to place it leaves no workspace', async () => {
  const taskId = randomUUID() as RunId;
  const { execute, root } = await create({ signal: AbortSignal.abort(), isInherited: true });
  await mkdir(join(root, taskId));
  expect(await execute(taskId)).toMatchObject({ outcome: { kind: 'ended' } });
  expect(await readdir(root)).toEqual([]);
});

const completed = { outcome: { kind: 'completed' } };

const notIsolated = (own: string): TaskIsolation => ({
  state: { user: null },
  own,
  host: {},
  enter: (_stage, environment) => ({ through: [], environment }),
  give: () => Promise.resolve(),
  remove: removeTree,
  close: () => Promise.resolve(),
});
const noIsolation: Isolation = {
  forTask: ({ state }) => Promise.resolve(notIsolated(join(state, 'own'))),
  reopen: ({ state }) => notIsolated(join(state, 'own')),
};

function entering(enter: TaskIsolation['enter']): Isolation {
  return { ...noIsolation, forTask: async (place, slot) => ({ ...(await noIsolation.forTask(place, slot)), enter }) };
}

interface Wanted extends Partial<Omit<DirectSettings, 'oz'>> {
  oz?: string[];
  signal?: AbortSignal;
  /** The limit that the task is taken to have met. */
  met?: 'memory';
  isInherited?: boolean;
  openConsole?: () => Promise<void>;
  /** Waited for by whoever saves what the task knows of itself. */
  save?: () => Promise<void>;
}

async function create(wanted: Wanted = {}) {
  const { oz = ['-c', 'exit 0'], signal = new AbortController().signal, met, isInherited = false, ...others } = wanted;
  const { openConsole = () => Promise.resolve(), save = () => Promise.resolve(), ...more } = others;
  const folder = await mkdtemp(join(tmpdir(), 'direct-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [root, state] = [join(folder, 'root'), join(folder, 'state')];
  await Promise.all([mkdir(root), mkdir(state)]);
  let saved: unknown;
  const lines: string[] = [];
  const settings: DirectSettings = {
    oz: { program: '/bin/sh', args: oz, isOurs: false },
    isolation: noIsolation,
    places: { workspaceRoot: root, targetDir: undefined, cleanup: true },
    environment: { host: process.env, apiKey: 'wk-of-the-daemon', serverRootUrl: undefined, configured: {} },
    args: { serverRootUrl: 'http://oz' },
    setupCommand: undefined,
    teardownCommand: undefined,
    limits: {},
    grace: 1_000,
    teardownLimit: 60_000,
    hurry: new AbortController().signal,
    ...more,
  };
  const log = pino({ level: 'warn' }, { write: (line) => void lines.push((JSON.parse(line) as { msg: string }).msg) });
  const tools = { table: createProcessTable(), clock: systemClock };
  const containments = await openContainments({ choice: 'environment', limits: {} }, tools);
  const containment = { ...environmentContainment, exceeded: () => Promise.resolve(met) };
  const make = () => Promise.resolve(containment);
  const backend = createDirectBackend(settings, { ...tools, containments: { ...containments, make } });
  return {
    root,
    warnings: () => lines,
    execute: (taskId?: RunId) =>
      backend.execute({
        assignment: assignmentOf(taskId),
        slot: 0,
        signal,
        console: { open: openConsole },
        memory: {
          folder: state,
          isInherited,
          saved,
          outcome: undefined,
          save(next) {
            saved = next;
            return save();
          },
          makeRoom: () => Promise.resolve(),
        },
        log,
        onOutcome: () => Promise.resolve(),
        onStage: () => undefined,
      }),
  };
}

function assignmentOf(taskId?: RunId) {
  const id = randomUUID();
  const task = { id, title: '', task_definition: { prompt: '' }, created_at: '', updated_at: '' };
  const assignment = assignmentSchema.parse({ task_id: id, task });
  return { ...assignment, task_id: taskId ?? assignment.task_id };
}
