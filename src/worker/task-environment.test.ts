import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { apiKey, makeFolder, startTestWorker, type TestWorker } from '../../test/helpers/test-worker.ts';

/** Values are shown in hexadecimal, so that masking hides none of them. */
const show = `${process.execPath} -e 'console.log(Buffer.from(JSON.stringify(process.env)).toString("hex"))'`;
/** What a shell sets by itself. */
const ofShell = ['PWD', 'OLDPWD', 'SHLVL', '_'];

const host = {
  HOME: '/home/of-host',
  CLOUD_CREDENTIAL: 'of-host',
  COPY_OF_KEY: `Bearer ${apiKey}`,
  PASSED: 'through',
};

test('the agent sees these variables and no others', async () => {
  const { seen, worker, taskId, workspace } = await runOne({ env: { FROM_ASSIGNMENT: 'a', TASK_WINS: 'assignment' } });
  expect(seen('agent')).toEqual({
    HOME: '/home/of-host',
    PATH: process.env['PATH'],
    TMPDIR: join(worker.folder, 'tmp'),
    TASK_ID: taskId,
    GIT_TERMINAL_PROMPT: '0',
    GH_PROMPT_DISABLED: '1',
    WARP_SERVER_ROOT_URL: worker.server.url,
    WARP_API_KEY: `token-of-${taskId}`,
    FROM_ASSIGNMENT: 'a',
    TASK_WINS: 'file',
    FROM_FILE: 'f',
    FROM_FLAG: 'flag,1',
    PASSED: 'through',
    NOT_THERE: '',
    FROM_SETUP: 'f-and-more',
    GIT_CONFIG_GLOBAL: join(workspace, '.gitconfig'),
  });
});

test('setup sees the same on top of the environment of the daemon, but not its key', async () => {
  const { seen, worker, taskId, workspace } = await runOne();
  expect(seen('setup')).toEqual({
    HOME: '/home/of-host',
    PATH: process.env['PATH'],
    TMPDIR: join(worker.folder, 'tmp'),
    XDG_STATE_HOME: join(worker.folder, 'tmp'),
    CLOUD_CREDENTIAL: 'of-host',
    PASSED: 'through',
    TASK_ID: taskId,
    GIT_TERMINAL_PROMPT: '0',
    GH_PROMPT_DISABLED: '1',
    WARP_SERVER_ROOT_URL: worker.server.url,
    WARP_API_KEY: `token-of-${taskId}`,
    TASK_WINS: 'file',
    FROM_FILE: 'f',
    FROM_FLAG: 'flag,1',
    NOT_THERE: '',
    GIT_CONFIG_GLOBAL: join(workspace, '.gitconfig'),
    OZ_WORKSPACE_ROOT: workspace,
    OZ_RUN_ID: taskId,
    OZ_WORKER_BACKEND: 'direct',
    OZ_ENVIRONMENT_FILE: expect.stringContaining(join(worker.folder, 'state')) as string,
  });
});

test('teardown sees where the task was on top of the environment of the daemon, but no key at all', async () => {
  const { seen, worker, taskId, workspace } = await runOne();
  expect(seen('teardown')).toEqual({
    HOME: '/home/of-host',
    PATH: process.env['PATH'],
    TMPDIR: join(worker.folder, 'tmp'),
    XDG_STATE_HOME: join(worker.folder, 'tmp'),
    CLOUD_CREDENTIAL: 'of-host',
    PASSED: 'through',
    WARP_SERVER_ROOT_URL: worker.server.url,
    GIT_CONFIG_GLOBAL: join(workspace, '.gitconfig'),
    OZ_WORKSPACE_ROOT: workspace,
    OZ_RUN_ID: taskId,
    OZ_WORKER_BACKEND: 'direct',
  });
});

test('with a target folder the git configuration is outside of it', async () => {
  const target = join(await makeFolder(), 'shared');
  await mkdir(target);
  const { seen, worker, workspace } = await runOne({}, [`target_dir: ${target}`]);
  expect(workspace).toBe(target);
  expect(seen('setup')['OZ_WORKSPACE_ROOT']).toBe(target);
  const configs = ['setup', 'agent', 'teardown'].map((stream) => seen(stream)['GIT_CONFIG_GLOBAL']);
  expect(new Set(configs).size).toBe(1);
  expect(configs[0]).toContain(join(worker.folder, 'state'));
});

test.each([
  ['claude', 'CLAUDE_CONFIG_DIR', '.claude'],
  ['codex', 'CODEX_HOME', '.codex'],
])('the harness %s keeps its state in the workspace', async (type, variable, folder) => {
  const { seen, workspace } = await runOne({ task: { agent_config_snapshot: { harness: { type } } } });
  expect(seen('agent')[variable]).toBe(join(workspace, folder));
  expect(seen('setup')[variable]).toBe(join(workspace, folder));
  expect(seen('teardown')[variable]).toBeUndefined();
});

async function runOne(assignment: Parameters<TestWorker['assign']>[0] = {}, direct: string[] = []) {
  const worker = await startTestWorker({
    setup: `${show}; echo 'export FROM_SETUP="$BASE-and-more"' | sed 's/$BASE/'$FROM_FILE/ > "$OZ_ENVIRONMENT_FILE"`,
    oz: show,
    teardown: show,
    args: ['-e', 'FROM_FLAG=flag\\,1,PASSED', '--env', 'NOT_THERE'],
    env: host,
    direct: [
      'environment:',
      ...['FROM_FILE: f', 'TASK_WINS: file', 'FROM_FLAG: beaten'].flatMap((entry) => [
        `  - name: ${entry.split(': ')[0]}`,
        `    value: ${entry.split(': ')[1]}`,
      ]),
      ...direct,
    ],
  });
  const { taskId, executionId } = worker.assign(assignment);
  await worker.server.waitFor('task_completed', taskId);
  const seen = (stream: string) => {
    const text = Buffer.from(worker.server.console(executionId, stream).toString().trim(), 'hex').toString();
    const variables = JSON.parse(text) as Record<string, string>;
    return Object.fromEntries(Object.entries(variables).filter(([name]) => !ofShell.includes(name)));
  };
  const workspace = seen('setup')['OZ_WORKSPACE_ROOT'] ?? '';
  return { worker, taskId, seen, workspace };
}
