import { rootReason } from '../common/root-reason.ts';
import { openCgroups, reopenCgroup } from './cgroup/open-cgroups.ts';
import {
  environmentContainment,
  type Containment,
  type ContainmentKind,
  type ContainmentLimits,
  type Containments,
  type ContainmentState,
} from './containment.ts';
import { openPidNamespaces } from './pid-namespace/open-pid-namespaces.ts';
import { pidNamespaceContainment } from './pid-namespace/pid-namespace-containment.ts';
import type { ProcessTools } from './process-tools.ts';

export interface ContainmentRequest {
  /** `auto` is the strongest that takes nothing away from the commands. */
  choice: 'auto' | ContainmentKind;
  /** What `make` will be asked for. */
  limits: ContainmentLimits;
}

/** Tries once what the host gives. Rejects, in words, for a choice or a limit that it cannot give. */
export async function openContainments(request: ContainmentRequest, tools: ProcessTools): Promise<Containments> {
  const failures: string[] = [];
  for (const kind of candidates(request)) {
    try {
      const opened = await openers[kind](request.limits, tools);
      const description = [...opened.description, ...failures];
      return { ...opened, kind, description, reopen: (...again) => reopen(opened, again, tools) };
    } catch (error) {
      failures.push(`${failureOf[kind]}: ${rootReason(error)}.`);
    }
  }
  throw new Error([...failures, ...advice(request)].join(' '));
}

/**
 * Strongest first. A user namespace is made for whoever asks for it alone: in one, a command that may become root on this
 * host no longer can.
 */
function candidates({ choice, limits }: ContainmentRequest): ContainmentKind[] {
  if (choice !== 'auto' && choice !== 'cgroup' && hasLimits(limits)) return [];
  if (choice !== 'auto') return [choice];
  return hasLimits(limits) ? ['cgroup'] : ['cgroup', ...(isRoot() ? ['pid_namespace' as const] : []), 'environment'];
}

function advice({ choice, limits }: ContainmentRequest): string[] {
  if (!hasLimits(limits)) return [];
  const words = 'Limits on memory and processes can be kept by cgroups alone';
  return [choice === 'auto' || choice === 'cgroup' ? `${words}.` : `${words}, and not with the containment ${choice}.`];
}

type Opened = Pick<Containments, 'description' | 'make'>;

/** Whoever may make a group may also leave it: what holds against bad will is another user. */
const unlessAble = 'that has not the rights of this program and sets out to';

const openers: { [kind in ContainmentKind]: (limits: ContainmentLimits, tools: ProcessTools) => Promise<Opened> } = {
  async cgroup(limits, { clock }) {
    const { parents, make } = await openCgroups(limits, clock);
    const where = parents.unified ?? parents.freezer;
    return { make, description: [`Processes are held in cgroups below ${where}: none gets away ${unlessAble}.`] };
  },
  async pid_namespace(_limits, tools) {
    const make = await openPidNamespaces(isRoot() ? 'root' : 'user', tools);
    const description = [`Processes are held in PID namespaces: none gets away ${unlessAble}.`];
    return { make: (name) => Promise.resolve(make(name)), description };
  },
  environment() {
    const description = [
      'Processes are found by their group, their parents and their environment: one that hides from all three gets away.',
      'For more, let the service manager delegate a cgroup to this program (systemd: Delegate=yes), or choose PID namespaces.',
    ];
    return Promise.resolve({ make: () => Promise.resolve(environmentContainment), description });
  },
};

const failureOf: Record<ContainmentKind, string> = {
  cgroup: 'Processes cannot be held in cgroups here',
  pid_namespace: 'Processes cannot be held in PID namespaces here',
  environment: 'Processes cannot be found by their environment here',
};

async function reopen(
  { make }: Opened,
  [state, name, limits]: Parameters<Containments['reopen']>,
  tools: ProcessTools,
): Promise<Containment> {
  return (await reopenStanding(state, tools)) ?? make(name, limits);
}

/** Undefined when there is none any more. */
async function reopenStanding(state: ContainmentState, tools: ProcessTools): Promise<Containment | undefined> {
  if (state.kind === 'cgroup') return reopenCgroup(state, tools.clock);
  return state.kind === 'pid_namespace' ? pidNamespaceContainment(state, tools) : undefined;
}

function hasLimits({ memory, processes }: ContainmentLimits): boolean {
  return memory !== undefined || processes !== undefined;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
