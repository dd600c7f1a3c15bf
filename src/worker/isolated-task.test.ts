import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectNoProcessesOf, fileWith, startTestWorker } from '../../test/helpers/test-worker.ts';

const isRoot = process.getuid?.() === 0;

test.skipIf(!isRoot)(
  'a task runs as its user from setup to teardown, also under the next daemon (needs root)',
  async () => {
    const worker = await startTestWorker({
      setup: 'id -u; echo FROM_SETUP=yes >> "$OZ_ENVIRONMENT_FILE"',
      oz: 'id -u; echo $FROM_SETUP; echo ready > ready; until [ -e go ]; do sleep 0.01; done',
      teardown: 'id -u',
      lines: ['max_concurrent_tasks: 1'],
      direct: ["run_as: '54321'"],
      prepare: (folder) => chmod(folder, 0o711),
    });
    const { taskId, executionId } = worker.assign();
    await fileWith(join(worker.root, taskId, 'ready'), 'ready');
    worker.process.kill('SIGKILL');
    await worker.process.exited;
    await worker.relaunch();
    worker.cancel(taskId);
    await worker.server.waitFor('task_completed', taskId);
    const text = (stream: string) => worker.server.console(executionId, stream).toString();
    expect([text('setup'), text('teardown')]).toEqual(['54321\n', '54321\n']);
    expect(text('agent')).toMatch(/^54321\nyes\n/);
    expect(await readdir(worker.root)).toEqual([]);
    await expectNoProcessesOf([taskId]);
  },
);
