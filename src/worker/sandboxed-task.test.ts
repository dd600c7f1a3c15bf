import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileWith, startTestWorker } from '../../test/helpers/test-worker.ts';
import { findSystemProgram } from '../process/find-program.ts';

const hasBubblewrap = findSystemProgram('bwrap') !== undefined;

test.skipIf(!hasBubblewrap).each(['on', 'off'])(
  'what an agent leaves in its sandbox, network %s, holds up nothing, and its code is told (needs bubblewrap)',
  async (network) => {
    const worker = await startTestWorker({
      oz: '(setsid sleep 300 &); exit 3',
      direct: [`sandbox: { type: bubblewrap, network: ${network} }`],
      lines: ['kill_grace: 1h'],
      prepare: (folder) => chmod(folder, 0o711),
    });
    const { taskId } = worker.assign();
    const { data } = await worker.server.waitFor('task_failed', taskId);
    expect(data).toMatchObject({ exit_code: 3 });
  },
);

test.skipIf(!hasBubblewrap).each(['on', 'off'])(
  'a sandboxed task, network %s, outlives its daemon, and the next one tells its code (needs bubblewrap)',
  async (network) => {
    const worker = await startTestWorker({
      oz: 'echo ready > ready; until [ -e go ]; do sleep 0.01; done; exit 3',
      direct: [`sandbox: { type: bubblewrap, network: ${network} }`],
      prepare: (folder) => chmod(folder, 0o711),
    });
    const { taskId } = worker.assign();
    const workspace = join(worker.root, taskId);
    await fileWith(join(workspace, 'ready'), 'ready');
    worker.process.kill('SIGKILL');
    await worker.process.exited;
    await writeFile(join(workspace, 'go'), '');
    await worker.relaunch();
    const { data } = await worker.server.waitFor('task_failed', taskId);
    expect(data).toMatchObject({ exit_code: 3 });
  },
);
