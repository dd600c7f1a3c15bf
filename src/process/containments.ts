import {
  environmentContainment,
  type Containment,
  type ContainmentKind,
  type ContainmentLimits,
  type ContainmentState,
} from './containment.ts';

/** What this host holds processes together with. */
export interface Containments {
  readonly kind: ContainmentKind;
  /** Sentences for whoever asks what this host can promise, and what to do for more. */
  describe(): readonly string[];
  /** `name` is unique on the host, and a file name. */
  make(name: string, limits: ContainmentLimits): Promise<Containment>;
}

export interface ContainmentRequest {
  /** `auto` is the strongest that costs the commands nothing. */
  choice: 'auto' | ContainmentKind;
  /** What `make` will be asked for. */
  limits: ContainmentLimits;
}

/** Tries once what the host gives. Rejects, in words, for a choice or a limit that it cannot give. */
export async function openContainments({ choice, limits }: ContainmentRequest): Promise<Containments> {
  if (choice === 'cgroup' || choice === 'pid_namespace') throw new Error(`The containment ${choice} is not yet built.`);
  if (limits.memory !== undefined || limits.processes !== undefined) {
    throw new Error('Limits on memory and processes are not yet built.');
  }
  return Promise.resolve({
    kind: 'environment',
    describe: () => ['Processes are found by their group, their parents and their environment.'],
    make: () => Promise.resolve(environmentContainment),
  });
}

/** The containment of an earlier life, whatever this one would choose. */
export function reopenContainment(_state: ContainmentState): Containment {
  return environmentContainment;
}
