import type { GroupFolders } from './cgroup/own-group.ts';

/** How the processes of one piece of work are held together, weakest last. */
export type ContainmentKind = 'cgroup' | 'pid_namespace' | 'environment';

/** In whole; what is absent is not limited. */
export interface ContainmentLimits {
  /** Bytes of memory of all its processes together. */
  memory?: number | undefined;
  /** Processes and threads at a time. */
  processes?: number | undefined;
}

/** What a containment is told by after a restart of this program: plain JSON, to be kept by the caller. */
export type ContainmentState =
  | { kind: 'environment' }
  | { kind: 'cgroup'; folders: GroupFolders; limits: ContainmentLimits }
  | { kind: 'pid_namespace'; name: string; owner: NamespaceOwner };

/** Whether a namespace is made with root's rights, or by way of a user namespace in which the user stays the same. */
export type NamespaceOwner = 'root' | 'user';

/**
 * What holds together all processes of one piece of work, whichever of its commands started them and however they tried
 * to get away:
 *
 * ```
 * made → commands start in it, one after the other → killed (as often as one likes) → removed
 * ```
 *
 * With `cgroup` and `pid_namespace` nobody gets out. With `environment` there is nothing to hold them: who ends them has
 * to look for their group, their children and their markers.
 */
export interface Containment {
  readonly kind: ContainmentKind;
  readonly state: ContainmentState;
  /** Says how a command gets into it. */
  enter(): Promise<ContainmentEntry>;
  /** Kills all that is in it at once, also what is just being forked; with `environment` it does nothing. */
  kill(): Promise<void>;
  /** The numbers of the processes in it; with `environment` none is known. */
  survivors(): Promise<readonly number[]>;
  /** Which limit was met: memory by a kill, processes by a refused fork. */
  exceeded(): Promise<'memory' | 'processes' | undefined>;
  /** Ends its existence; what is still in it is killed. Nothing to do for one that is gone. */
  remove(): Promise<void>;
}

export interface ContainmentEntry {
  /** Files that a process writes `0` to, to move itself in. */
  readonly groups: readonly string[];
  /** A program and its arguments that starts what follows it so that its children are in. */
  readonly namespace?: readonly string[];
}

/** What this host holds processes together with. */
export interface Containments {
  readonly kind: ContainmentKind;
  /** Sentences on what this host can promise, and on what to do for more. */
  readonly description: readonly string[];
  /** `name` is a file name, unique on this host. */
  make(name: string, limits: ContainmentLimits): Promise<Containment>;
  /** The containment of an earlier life, whatever kind it was; where the machine's restart has ended it, a new one. */
  reopen(state: ContainmentState, name: string, limits: ContainmentLimits): Promise<Containment>;
}

/** For a host that gives nothing better. */
export const environmentContainment: Containment = {
  kind: 'environment',
  state: { kind: 'environment' },
  enter: () => Promise.resolve({ groups: [] }),
  kill: () => Promise.resolve(),
  survivors: () => Promise.resolve([]),
  exceeded: () => Promise.resolve(undefined),
  remove: () => Promise.resolve(),
};
