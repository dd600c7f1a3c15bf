import { resolve } from 'node:path';

/** The v1 controllers that we use: `freezer` to kill with, the others for limits. */
const controllers = ['freezer', 'memory', 'pids'] as const;
type Controller = (typeof controllers)[number];

/** A group's folder in the hierarchy of version 2, and its folders in those of version 1. */
export type GroupFolders = { readonly [hierarchy in 'unified' | Controller]?: string };

/** Where the group of this process is, from its `/proc/self/mountinfo` and `/proc/self/cgroup`. */
export function parseOwnGroup(mountInfo: string, cgroup: string): GroupFolders {
  const own = new Map(cgroup.split('\n').flatMap(ownGroups));
  const folders = mountInfo.split('\n').flatMap((line) => {
    const mount = parseMount(line);
    return (mount?.hierarchies ?? []).flatMap((name) => {
      const group = own.get(name);
      return mount === undefined || group === undefined ? [] : [[name, folderOf(group, mount)] as const];
    });
  });
  return Object.fromEntries(folders);
}

interface Mount {
  root: string;
  point: string;
  hierarchies: readonly string[];
}

/** `36 25 0:30 <root> <point> rw,nosuid shared:10 - cgroup2 cgroup2 rw`; version 1 names its controllers at the end. */
function parseMount(line: string): Mount | undefined {
  const [before = '', after = ''] = line.split(' - ');
  const [, , , root, point] = before.split(' ');
  const [type, , options = ''] = after.split(' ');
  if (root === undefined || point === undefined) return undefined;
  if (type === 'cgroup2') return { root, point, hierarchies: ['unified'] };
  const named = controllers.filter((name) => options.split(',').includes(name));
  return type === 'cgroup' ? { root, point, hierarchies: named } : undefined;
}

/** `0::/group` of version 2, `8:cpu,pids:/group` of version 1. */
function ownGroups(line: string): [string, string][] {
  const [, names, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
  if (names === undefined || group === undefined) return [];
  return names === '' ? [['unified', group]] : names.split(',').map((name) => [name, group]);
}

/** In a container, a part of the hierarchy may be mounted alone: then `root` names that part. */
function folderOf(group: string, { root, point }: Mount): string {
  const isInside = root !== '/' && (group === root || group.startsWith(`${root}/`));
  return resolve(`${point}/${isInside ? group.slice(root.length) : group}`);
}
