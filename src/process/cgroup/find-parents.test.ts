import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { delegatedParent, findParents } from './find-parents.ts';
import { exceededLimit, writeLimits } from './limit-files.ts';

/** Plain files stand for those of a kernel that has version 2 alone: what is written to them is what it would be told. */
test('with version 2 alone, the controllers of the limits are asked for where groups are made', async () => {
  const unified = await makeGroup({ 'cgroup.controllers': 'cpu memory pids\n', 'cgroup.subtree_control': 'cpu\n' });
  expect(await findParents({ unified }, { memory: 1, processes: 1 })).toEqual({ unified });
  expect(await readFile(join(unified, 'cgroup.subtree_control'), 'utf8')).toBe('+memory +pids');
});

test('what is not limited needs no controllers', async () => {
  const unified = await makeGroup({ 'cgroup.controllers': '\n', 'cgroup.subtree_control': '\n' });
  expect(await findParents({ unified }, {})).toEqual({ unified });
});

test('a limit whose controller was not delegated is refused by name', async () => {
  const unified = await makeGroup({ 'cgroup.controllers': 'pids\n', 'cgroup.subtree_control': '\n' });
  await expect(findParents({ unified }, { memory: 1, processes: 1 })).rejects.toThrow('has no controller memory');
});

test('a limit whose controller is mounted nowhere is refused by name', async () => {
  await expect(findParents({}, { memory: 1, processes: 1 })).rejects.toThrow('memory or pids');
  await expect(findParents({}, {})).rejects.toThrow('no cgroup hierarchy');
});

test('with version 2, memory is limited without swap, and a whole group goes at once', async () => {
  const names = ['memory.max', 'memory.swap.max', 'memory.oom.group', 'pids.max'];
  const unified = await makeGroup(Object.fromEntries(names.map((name) => [name, ''])));
  await writeLimits({ unified }, { memory: 1000, processes: 7 });
  const said = await Promise.all(names.map((name) => readFile(join(unified, name), 'utf8')));
  expect(said).toEqual(['1000', '0', '1', '7']);
});

test.each([
  [{ 'memory.events': 'oom 1\noom_kill 1\n', 'pids.events': 'max 3\n' }, 'memory'],
  [{ 'memory.events': 'max 9\noom_kill 0\n', 'pids.events': 'max 3\n' }, 'processes'],
  [{ 'memory.events': 'oom_kill 0\noom_group_kill 0\n', 'pids.events': 'max 0\n' }, undefined],
  [{}, undefined],
])('with version 2, %j tells that %s was exceeded', async (files, exceeded) => {
  expect(await exceededLimit({ unified: await makeGroup(files) })).toBe(exceeded);
});

test.each([
  ['/sys/fs/cgroup/system.slice/oz.service/daemon', '/sys/fs/cgroup/system.slice/oz.service'],
  ['/sys/fs/cgroup/system.slice/oz.service', '/sys/fs/cgroup/system.slice/oz.service'],
  ['/sys/fs/cgroup/user.slice/user-0.slice/session-3.scope', '/sys/fs/cgroup/user.slice/user-0.slice/session-3.scope'],
  ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/unified'],
])('for a process in %s groups are made in %s', (own, parent) => {
  expect(delegatedParent(own)).toBe(parent);
});

async function makeGroup(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'group-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
  return folder;
}
