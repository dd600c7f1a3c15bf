import { expect, test } from 'vitest';
import { parseOwnGroup } from './own-group.ts';

test('version 2 alone', () => {
  const mounts = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n';
  expect(parseOwnGroup(mounts, '0::/system.slice/oz.service/daemon\n')).toEqual({
    unified: '/sys/fs/cgroup/system.slice/oz.service/daemon',
  });
});

test('version 1, of which some controllers are of no use here', () => {
  const mounts = [
    '31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '32 23 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
    '33 23 0:29 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer',
    '34 23 0:30 / /proc rw - proc proc rw',
  ].join('\n');
  expect(parseOwnGroup(mounts, '4:pids:/a\n3:freezer:/\n2:cpu,cpuacct:/b\n1:name=systemd:/c\n')).toEqual({
    pids: '/sys/fs/cgroup/pids/a',
    freezer: '/sys/fs/cgroup/freezer',
  });
});

test('both versions side by side', () => {
  const mounts = '1 0 0:1 / /c/unified rw - cgroup2 none rw\n2 0 0:2 / /c/memory rw - cgroup none rw,memory\n';
  expect(parseOwnGroup(mounts, '4:memory:/m\n0::/u\n')).toEqual({ unified: '/c/unified/u', memory: '/c/memory/m' });
});

test('a container that sees its own part alone', () => {
  const mounts = '1 0 0:1 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n';
  expect(parseOwnGroup(mounts, '4:pids:/docker/abc/sub\n')).toEqual({ pids: '/sys/fs/cgroup/pids/sub' });
});

test('no cgroups at all', () => {
  expect(parseOwnGroup('', '')).toEqual({});
});
