import { access, readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { RunItem } from '../../src/protocol/runs.ts';
import { clientEnvironment, oz, startWorker } from '../helpers/programs.ts';
import { followRun, runConsole, transcriptText, untilOutput } from '../helpers/runs.ts';
import { serverForFile } from '../helpers/server-for-file.ts';
import { makeWorkerHost, parseEnvironment } from '../helpers/worker-host.ts';

const { server, apiKey, client } = await serverForFile();

test('A run goes through setup, agent and teardown in a workspace of its own, and all of it can be read back.', async () => {
  await using host = await makeWorkerHost();
  const setup = await host.script(
    'setup.sh',
    [
      `env -0 > ${host.path('out/setup.env')}`,
      'echo "preparing in $(pwd)"',
      `cat > "$OZ_ENVIRONMENT_FILE" <<'END'`,
      '# written by the setup command',
      'export FROM_SETUP="a value\nof two lines"',
      `LITERAL='$MY_VAR'`,
      'DERIVED="$LITERAL and more"',
      'END',
    ].join('\n'),
  );
  const teardown = await host.script(
    'teardown.sh',
    `env -0 > ${host.path('out/teardown.env')}; echo cleaning; cp result.txt ${host.path('out/result.txt')}`,
  );
  // What the agent's own process sees: recorded in front of the real program.
  const recordingOz = await host.script(
    'oz',
    `[ "$1" = --version ] || { env -0 > ${host.path('out/agent.env')}; printf '%s\\n' "$@" > ${host.path('out/agent.argv')}; }\nexec ${host.oz} "$@"`,
  );
  const config = await host.file(
    'worker.yaml',
    `worker_id: "direct-worker"
max_concurrent_tasks: 2
backend:
  direct:
    workspace_root: "${host.workspaces}"
    oz_path: "${recordingOz}"
    setup_command: "${setup}"
    teardown_command: "${teardown}"
    environment:
      - name: MY_VAR
        value: "hello"
`,
  );
  await using _worker = await startWorker({
    server,
    apiKey,
    args: ['--api-key', apiKey, '--config-file', config],
    env: { DAEMONS_OWN: 'tool settings' },
  });

  const { run_id } = await client.createRun({
    prompt: `echo "$MY_VAR from $(pwd)"\nprintf '%s\\n' "$FROM_SETUP" "$LITERAL" "$DERIVED"\necho done > result.txt`,
    config: { worker_host: 'direct-worker', harness: { type: 'shell' } },
  });
  const workspace = host.path('workspaces', run_id);

  expect(await followRun(client, run_id)).toEqual(['QUEUED', 'PENDING', 'CLAIMED', 'INPROGRESS', 'SUCCEEDED']);
  expect(await transcriptText(client, run_id)).toBe(
    `hello from ${workspace}\na value\nof two lines\n$MY_VAR\n$MY_VAR and more\n`,
  );
  const console = await runConsole(client, run_id);
  expect(console.setup).toBe(`preparing in ${workspace}\n`);
  expect(console.agent).toContain(`hello from ${workspace}`);
  expect(console.teardown).toBe('cleaning\n');
  expect(await host.read('out/result.txt')).toBe('done\n');
  expect(await host.listWorkspaces()).toEqual([]);

  const run: RunItem = await client.getRun(run_id);
  expect(run).toMatchObject({ state: 'SUCCEEDED', is_sandbox_running: false });
  expect(run.status_message).toBeUndefined();

  // Everything that the task's processes saw, variable by variable; a shell adds PWD, SHLVL and _ of its own.
  const agent = withoutShellVariables(parseEnvironment(await host.read('out/agent.env')));
  const token = agent['WARP_API_KEY'];
  expect(token).toMatch(/^wk-/);
  expect(token).not.toBe(apiKey);
  const gitConfig = `${workspace}/.gitconfig`;
  expect(agent).toEqual({
    HOME: '/nonexistent',
    TMPDIR: expect.any(String),
    PATH: process.env['PATH'],
    TASK_ID: run_id,
    GIT_TERMINAL_PROMPT: '0',
    GH_PROMPT_DISABLED: '1',
    WARP_SERVER_ROOT_URL: server.url,
    WARP_API_KEY: token,
    MY_VAR: 'hello',
    FROM_SETUP: 'a value\nof two lines',
    LITERAL: '$MY_VAR',
    DERIVED: '$MY_VAR and more',
    GIT_CONFIG_GLOBAL: gitConfig,
  });
  // An agent of ours is told, behind all that the official worker says, where to leave what it cannot tell the server.
  const [args, unsent] = (await host.read('out/agent.argv')).trim().split('\n').join(' ').split(' --unsent-folder ');
  expect(unsent).toContain(run_id);
  expect(args).toBe(
    `agent run --share team:edit --task-id ${run_id} --sandboxed --server-root-url ${server.url} ` +
      '--no-computer-use --harness shell --idle-on-complete',
  );
  const setupSaw = withoutShellVariables(parseEnvironment(await host.read('out/setup.env')));
  expect(setupSaw).toEqual({
    HOME: '/nonexistent',
    TMPDIR: expect.any(String),
    PATH: process.env['PATH'],
    DAEMONS_OWN: 'tool settings',
    XDG_STATE_HOME: expect.any(String),
    TASK_ID: run_id,
    GIT_TERMINAL_PROMPT: '0',
    GH_PROMPT_DISABLED: '1',
    WARP_SERVER_ROOT_URL: server.url,
    WARP_API_KEY: token,
    MY_VAR: 'hello',
    GIT_CONFIG_GLOBAL: gitConfig,
    OZ_WORKSPACE_ROOT: workspace,
    OZ_RUN_ID: run_id,
    OZ_ENVIRONMENT_FILE: expect.any(String),
    OZ_WORKER_BACKEND: 'direct',
  });
  expect(withoutShellVariables(parseEnvironment(await host.read('out/teardown.env')))).toEqual({
    HOME: '/nonexistent',
    TMPDIR: expect.any(String),
    PATH: process.env['PATH'],
    DAEMONS_OWN: 'tool settings',
    XDG_STATE_HOME: expect.any(String),
    WARP_SERVER_ROOT_URL: server.url,
    OZ_WORKSPACE_ROOT: workspace,
    OZ_RUN_ID: run_id,
    OZ_WORKER_BACKEND: 'direct',
    GIT_CONFIG_GLOBAL: gitConfig,
  });
  await expect(access(setupSaw['OZ_ENVIRONMENT_FILE'] ?? '')).rejects.toThrow('ENOENT');
});

test('A worker that is named by flags alone takes runs, and `oz` follows one to its outcome.', async () => {
  await using host = await makeWorkerHost();
  const config = await host.file('worker.yaml', `backend:\n  direct:\n    workspace_root: ${host.workspaces}\n`);
  const args = ['--api-key', apiKey, '--worker-id', 'my-worker', '--backend', 'direct', '--config-file', config];
  await using _worker = await startWorker({ server, apiKey, args });
  const env = clientEnvironment(server, apiKey);
  const runCloud = ['agent', 'run-cloud', '--host', 'my-worker', '--harness', 'shell', '--wait', '--prompt'];

  const success = await oz([...runCloud, 'echo "it works"'], env);
  expect(success.stdout).toContain('it works');
  expect(success.code).toBe(0);

  const failure = await oz([...runCloud, 'echo before; exit 3'], env);
  expect(failure.code).toBe(1);
  expect(failure.stdout + failure.stderr).toMatch(/code 3/);

  const runs = await oz(['run', 'list', '--output-format', 'json', '--jq', '.runs[0].status_message.error_code'], env);
  expect(runs).toMatchObject({ code: 0, stdout: 'agent_failed\n' });
});

test('A failed setup command fails its run, keeps the agent from starting, and teardown still runs.', async () => {
  await using host = await makeWorkerHost();
  const setup = await host.script('setup.sh', 'echo "no such mirror" >&2; exit 9');
  const teardown = await host.script('teardown.sh', `touch ${host.path('out/torn-down')}`);
  const config = await host.file(
    'worker.yaml',
    `worker_id: failing\nbackend:\n  direct:\n    workspace_root: ${host.workspaces}\n    oz_path: ${host.oz}\n    setup_command: ${setup}\n    teardown_command: ${teardown}\n`,
  );
  await using _worker = await startWorker({ server, apiKey, args: ['--config-file', config] });
  const { run_id } = await client.createRun({
    prompt: `touch ${host.path('out/agent-ran')}`,
    config: { worker_host: 'failing', harness: { type: 'shell' } },
  });
  expect((await followRun(client, run_id)).at(-1)).toBe('FAILED');
  const console = await runConsole(client, run_id);
  expect(console.setup).toBe('no such mirror\n');
  expect((await client.getRun(run_id)).status_message).toMatchObject({ error_code: 'environment_setup_failed' });
  await expect(access(host.path('out/agent-ran'))).rejects.toThrow('ENOENT');
  await access(host.path('out/torn-down'));
  expect(await host.listWorkspaces()).toEqual([]);
});

test('A cancelled run ends with all its processes, also those that left its group.', async () => {
  await using host = await makeWorkerHost();
  const config = await host.file(
    'worker.yaml',
    `worker_id: cancelling\nbackend:\n  direct:\n    workspace_root: ${host.workspaces}\n    oz_path: ${host.oz}\n    teardown_command: touch ${host.path('out/torn-down')}\n`,
  );
  await using _worker = await startWorker({ server, apiKey, args: ['--config-file', config] });
  const { run_id } = await client.createRun({
    prompt: 'setsid sleep 1001 & nohup sleep 1002 & echo started; trap "" TERM; sleep 1003 & wait; sleep 1004',
    config: { worker_host: 'cancelling', harness: { type: 'shell' } },
  });
  await untilOutput(client, run_id, 'started');
  await client.cancelRun(run_id);
  expect((await followRun(client, run_id)).at(-1)).toBe('CANCELLED');
  // The console ends when the execution does, after teardown.
  await runConsole(client, run_id);
  await access(host.path('out/torn-down'));
  await expect.poll(() => processesOf(run_id), { timeout: 10_000 }).toEqual([]);
  expect(await host.listWorkspaces()).toEqual([]);
});

function withoutShellVariables(environment: Record<string, string>): Record<string, string> {
  const { PWD: _pwd, OLDPWD: _oldPwd, SHLVL: _level, _: _last, ...rest } = environment;
  return rest;
}

/** Processes that carry the run's marker in their environment. */
async function processesOf(runId: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => /* ended meanwhile */ '')),
  );
  return pids.filter((_, index) => environments[index]?.includes(`=${runId}\0`));
}
