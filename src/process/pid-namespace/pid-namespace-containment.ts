import { readFileSync } from 'node:fs';
import type { Containment, ContainmentState } from '../containment.ts';
import { endStrays, isMarked } from '../end-strays.ts';
import type { ProcessTools } from '../process-tools.ts';
import { holdNamespace, namespaceEntry } from './namespace-holder.ts';

type PidNamespaceState = Extract<ContainmentState, { kind: 'pid_namespace' }>;

/**
 * A PID namespace, made when the first command enters it. A killed one is gone for good: the next command enters another
 * one of the same name.
 */
export function pidNamespaceContainment(state: PidNamespaceState, tools: ProcessTools): Containment {
  const { name, owner } = state;
  const marker = `PROCESS_CONTAINMENT=${name}`;
  let holder: Promise<number> | undefined;
  const holders = async () => (await tools.table.snapshot()).filter((entry) => isMarked(entry, [marker]));
  const findOrHold = async () => {
    // What another user's process says of itself counts for nothing: we are about to enter where it points.
    const found = (await holders()).filter(({ pid }) => isOurs(pid));
    const numbers = new Set(found.map(({ pid }) => pid));
    // Its first process and what that waits for are marked as well, as children of it.
    return found.find(({ parent }) => !numbers.has(parent))?.pid ?? holdNamespace(marker, owner);
  };
  const kill = async () => {
    holder = undefined;
    await endStrays({ markers: [marker] }, tools);
  };
  return {
    kind: 'pid_namespace',
    state,
    async enter() {
      holder ??= findOrHold();
      return { groups: [], namespace: namespaceEntry(await holder, owner) };
    },
    kill,
    survivors: async () => (await holders()).map(({ pid }) => pid),
    exceeded: () => Promise.resolve(undefined),
    remove: kill,
  };
}

function isOurs(pid: number): boolean {
  try {
    // The folder's own owner is root for a process that has said that it is not to be looked at.
    const [, uid] = /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return Number(uid) === process.getuid?.();
  } catch {
    // It is gone.
    return false;
  }
}
