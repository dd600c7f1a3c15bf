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
  | { kind: 'cgroup'; folders: { [controller: string]: string } }
  | { kind: 'pid_namespace'; pid: number; startTime: string; bootId: string };

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
  /** How a command gets into it. */
  readonly entry: ContainmentEntry;
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
  /** Arguments to be put in front of the command. */
  readonly through: readonly string[];
}

/** For a host that gives nothing better. */
export const environmentContainment: Containment = {
  kind: 'environment',
  state: { kind: 'environment' },
  entry: { groups: [], through: [] },
  kill: () => Promise.resolve(),
  survivors: () => Promise.resolve([]),
  exceeded: () => Promise.resolve(undefined),
  remove: () => Promise.resolve(),
};
