import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { Containment, NamespaceOwner } from '../containment.ts';
import type { ProcessTools } from '../process-tools.ts';
import { pidNamespaceContainment } from './pid-namespace-containment.ts';

/** Makes a containment of that name. */
export type MakePidNamespace = (name: string) => Containment;

/** Rejects, in words, where this process may not make namespaces. */
export async function openPidNamespaces(owner: NamespaceOwner, tools: ProcessTools): Promise<MakePidNamespace> {
  const make = (name: string) => pidNamespaceContainment({ kind: 'pid_namespace', name, owner }, tools);
  await tryOut(make(`probe-${randomUUID()}`));
  return make;
}

/** Starts a process in it, as each command will be. */
async function tryOut(containment: Containment): Promise<void> {
  try {
    const [program = '', ...args] = (await containment.enter()).namespace ?? [];
    await promisify(execFile)(program, [...args, '/bin/sh', '-c', '(:)']);
  } finally {
    await containment.remove();
  }
}
