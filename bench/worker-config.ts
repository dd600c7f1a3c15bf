import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A worker's config file, with this shell as its `oz`: a stub, because what is measured ends where `oz` begins. */
export async function writeWorkerConfig(folder: string, oz: string): Promise<string> {
  const stub = join(folder, 'oz');
  const config = join(folder, 'worker.yaml');
  await mkdir(join(folder, 'workspaces'), { recursive: true });
  await writeFile(stub, `#!/bin/sh\n[ "$1" = --version ] && exec echo 'oz 0.0.0'\n${oz}\n`);
  await chmod(stub, 0o755);
  const lines = [
    'worker_id: bench',
    `state_dir: ${join(folder, 'state')}`,
    // Nothing that is measured outlives its measurement.
    'on_shutdown: cancel',
    'backend:',
    '  direct:',
    `    workspace_root: ${join(folder, 'workspaces')}`,
    `    oz_path: ${stub}`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  return config;
}
