import { globSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { layLine, type CuttableLine } from '../helpers/cuttable-line.ts';
import { makeGate } from '../helpers/gate.ts';
import { startWorker, type RunningProgram } from '../helpers/programs.ts';
import { followRun, transcriptText, untilOutput } from '../helpers/runs.ts';
import { serverForFile } from '../helpers/server-for-file.ts';
import { makeWorkerHost, type WorkerHost } from '../helpers/worker-host.ts';

/** An agent that is killed while nobody can be told: its worker says what it had kept, before its own last word. */
const { server, apiKey, client } = await serverForFile();
let line: CuttableLine;
let host: WorkerHost;
let worker: RunningProgram;

beforeEach(async () => {
  host = await makeWorkerHost();
  line = await layLine(server.url);
  const direct = `workspace_root: ${host.workspaces}\n    oz_path: ${host.oz}`;
  const settings = `worker_id: remote\nstate_dir: ${host.path('state')}\nbackend:\n  direct:\n    ${direct}\n`;
  const config = await host.file('worker.yaml', settings);
  worker = await startWorker({
    server: line,
    apiKey,
    args: ['--config-file', config],
    env: { TMPDIR: host.path('out') },
  });
});
afterEach(async () => {
  await worker.stop();
  await line[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

test.each([
  { kept: 'what it read', script: 'echo unheard; sleep 600', last: 'unheard', ends: 'FAILED' },
  { kept: 'its outcome', script: 'echo unheard', last: 'report_turn', ends: 'SUCCEEDED' },
])('$kept arrives, and the run ends $ends by whoever knows best', async ({ script, last, ends }) => {
  const gate = await makeGate(host.path('out/gate'));
  const prompt = `echo $PPID > ${host.path('out/agent')}; echo before; cat ${gate.path}; ${script}`;
  const config = { harness: { type: 'shell' as const }, worker_host: 'remote' };
  const { run_id: runId } = await client.createRun({ prompt, config });
  await untilOutput(client, runId, 'before');
  line.cut();
  await gate.open();
  await expect.poll(keptCalls, { timeout: 10_000 }).toContain(last);
  process.kill(Number(await host.read('out/agent')), 'SIGKILL');
  line.mend();
  expect((await followRun(client, runId)).at(-1)).toBe(ends);
  expect(await transcriptText(client, runId)).toBe('before\nunheard\n');
  // With the last word acknowledged, nothing of the task is left.
  await expect.poll(keptCalls).toBe('');
  expect(await host.listWorkspaces()).toEqual([]);
});

function keptCalls(): string {
  return globSync('state/**/calls.jsonl', { cwd: host.folder })
    .map((file) => readFileSync(host.path(file), 'utf8'))
    .join('');
}
