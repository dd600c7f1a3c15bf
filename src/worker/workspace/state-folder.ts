import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../../common/make-folder.ts';
import { removeTree } from './remove-tree.ts';

/** Where this daemon, and no other, keeps what belongs to its tasks but not into their workspaces. Mode 0700. */
export interface StateFolder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function createStateFolder(host: Readonly<Record<string, string | undefined>>): Promise<StateFolder> {
  const stateHome = host['XDG_STATE_HOME'];
  const parent = stateHome ? join(stateHome, 'oz-agent-worker') : tmpdir();
  if (stateHome) await makeFolder(parent, 0o700);
  const path = await mkdtemp(join(parent, stateHome ? 'daemon-' : 'oz-agent-worker-'));
  return { path, remove: () => removeTree(path) };
}
