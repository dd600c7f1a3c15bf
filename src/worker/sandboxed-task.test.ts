import { chmod } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { startTestWorker } from '../../test/helpers/test-worker.ts';
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
