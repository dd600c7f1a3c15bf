import OzAPI from 'oz-agent-sdk';
import { expect, test } from 'vitest';
import { startWorker } from '../helpers/programs.ts';
import { followRun } from '../helpers/runs.ts';
import { serverForFile } from '../helpers/server-for-file.ts';
import { makeWorkerHost } from '../helpers/worker-host.ts';

/** The official client, unchanged, pointed at our server. */
const { server, apiKey, client } = await serverForFile();
const official = new OzAPI({ baseURL: `${server.url}/api/v1`, apiKey, maxRetries: 0 });

test('It creates, reads, lists, pages and cancels runs.', async () => {
  const created = [];
  for (const title of ['first', 'second', 'third']) {
    created.push(await official.agent.run({ prompt: `echo ${title}`, title, config: { worker_host: 'absent' } }));
  }
  expect(created.map((run) => run.state)).toEqual(['QUEUED', 'QUEUED', 'QUEUED']);
  const ids = created.map((run) => run.run_id);

  const run = await official.agent.runs.retrieve(ids[0] ?? '');
  expect(run).toMatchObject({ title: 'first', prompt: 'echo first', state: 'QUEUED', source: 'API' });
  expect(run.status_message?.message).toContain('No worker `absent` is connected');

  const newestFirst = await official.agent.runs.list({ limit: 2 });
  expect(newestFirst.runs.map((each) => each.title)).toEqual(['third', 'second']);
  expect(newestFirst.page_info.has_next_page).toBe(true);
  const cursor = newestFirst.page_info.next_cursor ?? '';
  const rest = await official.agent.runs.list({ limit: 2, cursor });
  expect(rest.runs.map((each) => each.title)).toEqual(['first']);
  expect(rest.page_info.has_next_page).toBe(false);

  expect(await official.agent.runs.cancel(ids[1] ?? '')).toBe(ids[1]);
  expect((await official.agent.runs.retrieve(ids[1] ?? '')).state).toBe('CANCELLED');
  await expect(official.agent.runs.cancel(ids[1] ?? '')).rejects.toMatchObject({ status: 400 });
});

test('Its errors carry the status and the words of the server.', async () => {
  await expect(official.agent.runs.retrieve('00000000-0000-4000-8000-000000000000')).rejects.toMatchObject({
    status: 404,
    error: { type: expect.stringMatching(/resource_not_found$/) },
  });
  await expect(official.agent.run({})).rejects.toMatchObject({ status: 400 });
  const stranger = new OzAPI({ baseURL: `${server.url}/api/v1`, apiKey: 'wk-wrong', maxRetries: 0 });
  await expect(stranger.agent.runs.list()).rejects.toMatchObject({ status: 401 });
});

test('A run that it creates is executed, and its transcript and conversation are read back.', async () => {
  await using host = await makeWorkerHost();
  const workerConfig = await host.file(
    'worker.yaml',
    `worker_id: one\nbackend:\n  direct:\n    workspace_root: ${host.workspaces}\n    oz_path: ${host.oz}\n`,
  );
  await using _worker = await startWorker({ server, apiKey, args: ['--config-file', workerConfig] });
  // This version's types know no harness; what it sends on the wire is the caller's object as it is.
  const config = { worker_host: 'one', harness: { type: 'shell' } };
  const { run_id } = await official.agent.run({ prompt: 'echo read me back', config });
  const states = await followRun(client, run_id);
  expect(states.at(-1)).toBe('SUCCEEDED');

  const transcript = await official.get(`/agent/runs/${run_id}/transcript`);
  expect(JSON.stringify(transcript)).toContain('read me back');
  const conversation = await official.get(`/agent/runs/${run_id}/conversation`);
  expect(conversation).toMatchObject({
    conversation_id: expect.any(String),
    steps: [
      {
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'echo read me back' }] },
          { role: 'assistant', content: [{ type: 'action', category: 'command', name: 'run_command' }] },
          { role: 'tool', content: [{ type: 'action_result', state: 'completed', output: { exit_code: 0 } }] },
        ],
      },
    ],
  });
});
