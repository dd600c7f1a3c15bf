import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** What a sandbox shows of the machine, which can otherwise be read and not be written to. Paths that are absolute. */
export interface View {
  /** Empty in the sandbox; a path that does not exist is hidden already. */
  hidden: readonly string[];
  /** Readable although what is around it is hidden. */
  readable: readonly string[];
  writable: readonly string[];
  /** Folders that stand in the place of others: where → what. */
  placed: Readonly<Record<string, string>>;
  /** The same, of the daemon's and not to be changed. */
  placedReadOnly: Readonly<Record<string, string>>;
}

type Mount = { kind: 'hidden' } | { kind: 'read' | 'write'; source: string };

const machine = '--ro-bind / / --dev /dev --perms 1777 --tmpfs /dev/shm --proc /proc'.split(' ');
/**
 * Settings of the kernel: root's to change, even without any of root's rights. With `core_pattern` alone, root within
 * would be root without.
 */
const kernelSettings = ['sys', 'sysrq-trigger', 'irq', 'bus', 'fs', 'acpi', 'scsi', 'driver', 'mtrr'];

/**
 * The arguments of bubblewrap for it. What lies deeper beats what is around it; for the same path, what is shown beats
 * what is hidden, and what is placed beats both.
 */
export function mountArguments(view: View): string[] {
  const mounts = collect(view);
  const paths = [...mounts.keys()].sort();
  const known = new Set<string>();
  const made = (folders: string[]) =>
    folders.flatMap((folder) => (known.has(folder) || !known.add(folder) ? [] : ['--dir', folder]));
  const hidden = paths.filter((path) => mounts.get(path)?.kind === 'hidden' && isFolder(path));
  return [
    ...machine,
    ...kernelSettings.flatMap((name) => ['--ro-bind-try', `/proc/${name}`, `/proc/${name}`]),
    ...paths.flatMap((path) => [...made(parentsOf(path, paths)), ...argumentsOf(path, mounts.get(path))]),
    // Only now: until here the places of what lies deeper had to be made.
    ...hidden.flatMap((path) => ['--remount-ro', path]),
  ];
}

function collect({ hidden, readable, writable, placed, placedReadOnly }: View): Map<string, Mount> {
  const mounts = new Map<string, Mount>();
  for (const path of real(hidden)) mounts.set(path, { kind: 'hidden' });
  for (const path of real(readable)) mounts.set(path, { kind: 'read', source: path });
  for (const path of real(writable)) mounts.set(path, { kind: 'write', source: path });
  for (const [path, source] of Object.entries(placed)) mounts.set(realIfThere(path), { kind: 'write', source });
  for (const [path, source] of Object.entries(placedReadOnly)) mounts.set(path, { kind: 'read', source });
  return mounts;
}

/** A link is followed here: bubblewrap mounts over what it leads to. */
function real(paths: readonly string[]): string[] {
  return paths.filter((path) => existsSync(path)).map((path) => realpathSync(path));
}

function realIfThere(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** Made by name: bubblewrap gives those that it has to make by itself the mode of the mount's source, which may be 0700. */
function parentsOf(path: string, mounted: readonly string[]): string[] {
  const parent = dirname(path);
  const isInside = mounted.some((other) => parent.startsWith(`${other}/`));
  return isInside ? [...parentsOf(parent, mounted), parent] : [];
}

function argumentsOf(path: string, mount: Mount | undefined): string[] {
  if (mount === undefined || mount.kind === 'hidden') {
    return isFolder(path) ? ['--tmpfs', path] : ['--ro-bind', '/dev/null', path];
  }
  return [mount.kind === 'write' ? '--bind' : '--ro-bind', mount.source, path];
}

function isFolder(path: string): boolean {
  return statSync(path).isDirectory();
}
