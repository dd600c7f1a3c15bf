import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  outputHolds,
  processesWith,
  processTools as tools,
  scriptCommand,
  startScript,
} from '../../test/helpers/recorded.ts';
import { adoptRecorded } from './adopt-recorded.ts';
import type { ContainmentKind, ContainmentLimits } from './containment.ts';
import { openContainments } from './containments.ts';
import { endTree } from './end-tree.ts';
import { startRecorded } from './start-recorded.ts';

const cgroups = await whether('cgroup', {});
const limitedCgroups = await whether('cgroup', { memory: 1e9, processes: 100 });
const pidNamespaces = await whether('pid_namespace', {});
const isRoot = process.getuid?.() === 0;

const forStrong = [
  { kind: 'cgroup', given: cgroups, name: `cgroup${cgroups ? '' : ' (skipped: this host gives none)'}` },
  { kind: 'pid_namespace', given: pidNamespaces, name: `pid_namespace${pidNamespaces ? '' : ' (skipped: none here)'}` },
] as const;

for (const { kind, given, name } of forStrong) {
  test.skipIf(!given)(
    `${name}: who left the group, its parents and its environment is killed all the same`,
    async () => {
      const { containment, end } = await make(kind);
      const tag = newTag();
      // A grandchild in another session, without a variable, whose parents have ended.
      const script = `env -i setsid /bin/sh -c 'exec >/dev/null; /bin/sleep ${tag} & /bin/sleep ${tag} &'; echo ready`;
      const { started } = await startScript(script, { containment, until: 'ready' });
      await started.exited;
      await vi.waitFor(async () => expect(await sleepers(tag)).toBe(2));
      expect(await end([started], [])).toEqual([]);
      await expectNone(tag);
    },
  );

  test.skipIf(!given)(`${name}: processes that fork for ever and end at no request are killed`, async () => {
    const { containment, end } = await make(kind);
    const tag = newTag();
    const script = `
      trap '' TERM
      echo ready
      while :; do
        setsid sh -c 'while :; do (sleep 0.01 &); done' ${tag} &
        sleep 0.2
      done`;
    const { started } = await startScript(script, { containment, until: 'ready' });
    await vi.waitFor(async () => expect((await processesWith(tag)).length).toBeGreaterThan(1));
    expect(await end([started], [])).toEqual([]);
    await expectNone(tag);
    expect(await started.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test.skipIf(!given)(`${name}: a command has its time to end by itself, and its own code`, async () => {
    const { containment, end } = await make(kind);
    const script = 'trap "sleep 0.1; exit 7" TERM; echo ready; while :; do sleep 0.01; done';
    const { started, marker } = await startScript(script, { containment, until: 'ready' });
    expect(await end([started], [marker], 60_000)).toEqual([]);
    expect(await started.exited).toEqual({ code: 7, signal: null });
  });

  test.skipIf(!given)(
    `${name}: a command sees its environment, arguments, folder and files as without it`,
    async () => {
      const { containment } = await make(kind);
      const { command, folder } = await scriptCommand('');
      const environment = { A: '1', 'b.c': '2', PWD: '/x' };
      const script = `exec 2>&1; pwd; [ -e /proc/self/fd/3 ] || echo closed; exec env -i printf '%s\\n' "$@"`;
      const args = ['-c', script, 'sh', "it's", '$HOME'];
      const started = await startRecorded({ ...command, args, environment }, containment, tools);
      expect(await started.exited).toEqual({ code: 0, signal: null });
      expect(await readFile(command.output, 'utf8')).toBe(`${folder}\nclosed\nit's\n$HOME\n`);
      const show = { ...(await scriptCommand('')).command, program: '/usr/bin/env', args: ['-0'], environment };
      await (
        await startRecorded(show, containment, tools)
      ).exited;
      expect((await readFile(show.output, 'utf8')).split('\0').sort()).toEqual(['', 'A=1', 'PWD=/x', 'b.c=2']);
    },
  );

  test.skipIf(!given)(`${name}: a command that is killed has its signal, and nothing is said of it`, async () => {
    const { containment } = await make(kind);
    const { started, output } = await startScript('echo said; kill -9 $$', { containment });
    expect(await started.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await readFile(output, 'utf8')).toBe('said\n');
  });

  test.skipIf(!given)(
    `${name}: what one command left is there for the next, until all is killed; then others start`,
    async () => {
      const { containment, end } = await make(kind);
      const tag = newTag();
      const first = await startScript(`env -i setsid sleep ${tag} & echo ready`, { containment, until: 'ready' });
      await first.started.exited;
      const second = await startScript('exit 3', { containment });
      expect(await second.started.exited).toEqual({ code: 3, signal: null });
      expect(await sleepers(tag)).toBe(1);
      expect(await end([first.started, second.started], [])).toEqual([]);
      await expectNone(tag);
      const third = await startScript('exit 4', { containment });
      expect(await third.started.exited).toEqual({ code: 4, signal: null });
    },
  );

  test.skipIf(!given)(`${name}: a later life finds it by its state, and what is in it`, async () => {
    const { containment, containments, name } = await make(kind);
    const tag = newTag();
    const script = `env -i setsid sleep ${tag} & echo ready; until [ -e told ]; do sleep 0.01; done; exit 5`;
    const { started, record, folder, marker } = await startScript(script, { containment, until: 'ready' });
    started.release();
    const state = JSON.parse(JSON.stringify(containment.state)) as typeof containment.state;
    const again = await containments.reopen(state, name, {});
    const adopted = await adoptRecorded(record, [marker], tools);
    await writeFile(join(folder, 'told'), '');
    expect(await adopted?.exited).toEqual({ code: 5, signal: null });
    const teardown = await startScript('exit 0', { containment: again });
    expect(await teardown.started.exited).toEqual({ code: 0, signal: null });
    await again.remove();
    await expectNone(tag);
    expect(await again.survivors()).toEqual([]);
  });

  test.skipIf(!given || !isRoot)(`${name}: another user's processes are killed (needs root)`, async () => {
    const { containment, end } = await make(kind);
    const tag = newTag();
    const { command } = await scriptCommand(`env -i setsid sleep ${tag} & echo ready; id -u; sleep ${tag}`);
    const through = ['/usr/bin/setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'];
    const started = await startRecorded({ ...command, directory: '/', through }, containment, tools);
    await outputHolds(command.output, '54321');
    await vi.waitFor(async () => expect(await sleepers(tag)).toBe(2));
    expect(await end([started], [])).toEqual([]);
    await expectNone(tag);
  });
}

test.skipIf(!pidNamespaces)(
  'in a PID namespace, the processes of the host cannot be seen (skipped where there is none)',
  async () => {
    const { containment } = await make('pid_namespace');
    const { started, output } = await startScript('exec ls -d /proc/[0-9]*', { containment });
    await started.exited;
    expect((await readFile(output, 'utf8')).trim().split('\n').length).toBeLessThan(5);
  },
);

test.skipIf(!pidNamespaces || !isRoot)(
  "another user's process is not taken for what keeps a PID namespace (needs root)",
  async () => {
    const { containment, containments, name } = await make('pid_namespace');
    const impostor = spawn('setpriv', ['--reuid=54321', '--clear-groups', 'sleep', '600'], {
      env: { PATH: '/usr/bin:/bin', PROCESS_CONTAINMENT: name },
      stdio: 'ignore',
    });
    onTestFinished(() => void impostor.kill('SIGKILL'));
    const uid = async () => (await readFile(`/proc/${impostor.pid}/status`, 'utf8')).match(/Uid:\t(\d+)/)?.[1];
    await expect.poll(uid).toBe('54321');
    const again = await containments.reopen(containment.state, name, {});
    const { namespace = [] } = await again.enter();
    expect(namespace.join(' ')).not.toContain(`/proc/${impostor.pid}/`);
    await again.remove();
  },
);

test.skipIf(!cgroups)(
  'a cgroup that is removed is gone, also with processes in it (skipped where there is none)',
  async () => {
    const { containment } = await make('cgroup');
    const { started } = await startScript('echo ready; exec sleep 600', { containment, until: 'ready' });
    const folders = containment.state.kind === 'cgroup' ? Object.values(containment.state.folders) : [];
    expect(folders.map((folder) => existsSync(folder))).not.toContain(false);
    await containment.remove();
    expect(folders.map((folder) => existsSync(folder))).not.toContain(true);
    expect(await started.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await containment.remove();
  },
);

test.skipIf(!cgroups)(
  'a cgroup that a restart of the machine took away is made anew (skipped where there is none)',
  async () => {
    const { containment, containments, name } = await make('cgroup');
    await containment.remove();
    const again = await containments.reopen(containment.state, name, {});
    onTestFinished(() => again.remove());
    const { started } = await startScript('exit 2', { containment: again });
    expect(await started.exited).toEqual({ code: 2, signal: null });
  },
);

test.skipIf(!cgroups)(
  'what a daemon that was killed at its start has left in the cgroups goes with a later start (skipped where there is none)',
  async () => {
    const { containment } = await make('cgroup');
    const folders = containment.state.kind === 'cgroup' ? Object.values(containment.state.folders) : [];
    const left = folders.map((folder) => join(dirname(folder), `probe-${randomUUID()}`));
    for (const folder of left) mkdirSync(folder);
    const open = (later: number) => {
      const clock = { ...tools.clock, now: () => tools.clock.now() + later };
      return openContainments({ choice: 'cgroup', limits: {} }, { ...tools, clock });
    };
    await open(0);
    expect(left.map((folder) => existsSync(folder))).not.toContain(false);
    await open(120_000);
    expect(left.map((folder) => existsSync(folder))).not.toContain(true);
  },
);

test.skipIf(!limitedCgroups)('too much memory is told (skipped where no cgroup can limit it)', async () => {
  const { containment, end } = await make('cgroup', { memory: 30e6 });
  const { started } = await startScript('head -c 60M /dev/zero | tail -c 60M', { containment });
  await vi.waitFor(async () => expect(await containment.exceeded()).toBe('memory'));
  await end([started], []);
});

test.skipIf(!limitedCgroups)('too many processes are told (skipped where no cgroup can limit them)', async () => {
  const { containment, end } = await make('cgroup', { processes: 8 });
  const { started } = await startScript('while :; do sleep 600 & done', { containment });
  await vi.waitFor(async () => expect(await containment.exceeded()).toBe('processes'));
  expect(await end([started], [])).toEqual([]);
});

test.skipIf(!limitedCgroups)('within its limits nothing is told (skipped where no cgroup can limit)', async () => {
  const { containment } = await make('cgroup', { processes: 50, memory: 100e6 });
  const { started } = await startScript('for i in 1 2 3; do sleep 0 & done; wait', { containment });
  await started.exited;
  expect(await containment.exceeded()).toBeUndefined();
});

test('a limit that the containment cannot keep is refused and not forgotten', async () => {
  for (const choice of ['environment', 'pid_namespace'] as const) {
    await expect(openContainments({ choice, limits: { memory: 1e9 } }, tools)).rejects.toThrow(`containment ${choice}`);
    await expect(openContainments({ choice, limits: { processes: 9 } }, tools)).rejects.toThrow(
      `containment ${choice}`,
    );
  }
});

test('the strongest that the host gives is chosen, and said', async () => {
  const containments = await openContainments({ choice: 'auto', limits: {} }, tools);
  const expected = cgroups ? 'cgroup' : pidNamespaces && isRoot ? 'pid_namespace' : 'environment';
  expect(containments.kind).toBe(expected);
  expect(containments.description.join(' ')).toMatch(/gets? away/);
});

test('the environment alone holds nobody', async () => {
  const containments = await openContainments({ choice: 'environment', limits: {} }, tools);
  const made = await containments.make('any', {});
  expect((await containments.reopen(made.state, 'any', {})).kind).toBe('environment');
  expect(await made.survivors()).toEqual([]);
});

async function make(kind: ContainmentKind, limits: ContainmentLimits = {}) {
  const containments = await openContainments({ choice: kind, limits }, tools);
  const name = `test-${randomUUID()}`;
  const containment = await containments.make(name, limits);
  onTestFinished(() => containment.remove());
  const end = (processes: Parameters<typeof endTree>[0], markers: string[], grace = 0) =>
    endTree(processes, containment, { grace, markers }, tools);
  return { containments, containment, name, end };
}

async function whether(choice: ContainmentKind, limits: ContainmentLimits): Promise<boolean> {
  return openContainments({ choice, limits }, tools).then(
    () => true,
    () => false,
  );
}

/** Seconds to sleep, by which a test's processes can be told. */
function newTag(): string {
  return `600.${randomUUID().replaceAll(/\D/g, '').padEnd(8, '0').slice(0, 8)}`;
}

/** What has been killed has left its cgroup a moment before it has left the process table. */
async function expectNone(tag: string): Promise<void> {
  await vi.waitFor(async () => expect(await processesWith(tag)).toEqual([]));
}

async function sleepers(tag: string): Promise<number> {
  return (await processesWith(`sleep\0${tag}`)).length;
}
