import { execFileSync } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { open, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { processesWith, processTools as tools, scriptCommand, startScript } from '../../test/helpers/recorded.ts';
import { environmentContainment } from './containment.ts';
import { hasShim } from './shim.ts';
import { NotBegunError, startRecorded } from './start-recorded.ts';

test('a command runs in a session and a group of its own, without input, with its output in a file', async () => {
  const { started, output } = await startScript('read line; echo "got: $line"; ps -o pgid=,sid= -p $$ >&2; exit 3');
  expect(await started.exited).toEqual({ code: 3, signal: null });
  const [got, ids] = (await readFile(output, 'utf8')).split('\n');
  expect(got).toBe('got: ');
  expect(ids?.trim().split(/\s+/).map(Number)).toEqual([started.pid, started.pid]);
});

test('a command that is killed has a signal and no code', async () => {
  const { started } = await startScript('kill -9 $$');
  expect(await started.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a command has its input and its output open, and nothing of what goes before it', async () => {
  const { started, output } = await startScript('exec ls -l /proc/self/fd');
  await started.exited;
  const targets = [...(await readFile(output, 'utf8')).matchAll(/ (\d) -> (.*)/g)].map(([, fd, target]) => [
    fd,
    target,
  ]);
  expect(targets).toEqual([
    ['0', '/dev/null'],
    ['1', output],
    ['2', output],
    // The folder that is being listed.
    ['3', expect.stringMatching(/^\/proc\/\d+\/fd$/)],
  ]);
});

test.each<[string, Record<string, string>]>([
  ['nothing', {}],
  ['plain variables', { A: 'a', B: '', _b: 'two\nlines', Q: `"'$(x)\\` }],
  [
    'what shells set themselves',
    { PWD: '/nowhere', OLDPWD: '/x', SHLVL: '7', _: 'x', IFS: ',', PPID: '1', OPTIND: '9' },
  ],
  ['names that are no identifiers', { 'a.b': 'c=d', '1': '2', 'BASH_FUNC_f%%': '() { :\n}', 'x-y': '' }],
  ['names that look like options', { '-Sfalse': 'x', '--help': '', '-i': '1', '-': '2' }],
  ["the shim's own names", { __exit: '1', __carried_1: 'x', __code: '9', exit: '2' }],
])('a command sees exactly the environment that it is given: %s', async (_name, environment) => {
  const { command } = await scriptCommand('');
  const show = { program: '/usr/bin/env', args: ['-0'], environment };
  const started = await startRecorded({ ...command, ...show }, environmentContainment, tools);
  await started.exited;
  const seen = (await readFile(command.output, 'utf8')).split('\0').slice(0, -1);
  expect(seen.sort()).toEqual(
    Object.entries(environment)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
  );
});

test('arguments arrive as they are', async () => {
  const { command } = await scriptCommand('');
  const args = ['%s\\0', '', 'two words', '--', '$HOME `x`', "it's\n"];
  const started = await startRecorded({ ...command, program: 'printf', args }, environmentContainment, tools);
  await started.exited;
  expect((await readFile(command.output, 'utf8')).split('\0').slice(0, -1)).toEqual(args.slice(1));
});

test('a command runs through what is put in front of it', async () => {
  const { command } = await scriptCommand('echo "$0 $1 $WRAPPED"');
  const through = ['/usr/bin/env', 'WRAPPED=yes'];
  const started = await startRecorded(
    { ...command, args: [...command.args, 'a', 'b'], through },
    environmentContainment,
    tools,
  );
  await started.exited;
  expect(await readFile(command.output, 'utf8')).toBe('a b yes\n');
});

test.each([
  ['a program that does not exist', { program: '/no/such/program' }, '/no/such/program does not exist'],
  ['a program that is not on its PATH', { program: 'sh', environment: { PATH: '/etc' } }, 'sh does not exist'],
  ['a program that may not be executed', { program: '/etc/passwd' }, '/etc/passwd may not be executed'],
  [
    'a program in front of it that does not exist',
    { through: ['/no/such/wrapper'] },
    '/no/such/wrapper does not exist',
  ],
  ['a folder that does not exist', { directory: '/no/such/folder' }, 'ENOENT'],
])('%s is refused', async (_name, change, words) => {
  const { command } = await scriptCommand('exit 0');
  await expect(startRecorded({ ...command, ...change }, environmentContainment, tools)).rejects.toThrow(words);
});

test('a command whose group cannot be entered does not run', async () => {
  const { command, folder } = await scriptCommand('touch ran');
  const enter = () => Promise.resolve({ groups: ['/no/such/group/cgroup.procs'] });
  const start = startRecorded(command, { ...environmentContainment, enter }, tools);
  await expect(start).rejects.toThrow('/no/such/group/cgroup.procs');
  expect(await readdir(folder)).not.toContain('ran');
});

test('a command whose record was closed before it began does not run', async () => {
  const { command, folder } = await scriptCommand('touch ran');
  await writeFile(join(command.record, 'beginning'), 'closed\n');
  await expect(startRecorded(command, environmentContainment, tools)).rejects.toThrow('ended before it began');
  expect(await readdir(folder)).not.toContain('ran');
});

test.skipIf(!hasShim())('a command whose shim was killed before it began never runs', async () => {
  const { command, folder } = await scriptCommand('touch ran');
  const gate = join(folder, 'gate');
  execFileSync('mkfifo', [gate]);
  // What was forked from the shim waits there until somebody reads.
  const enter = () => Promise.resolve({ groups: [gate] });
  const start = startRecorded(command, { ...environmentContainment, enter }, tools).catch((error: unknown) => error);
  await expect.poll(() => processesWith(command.record)).toHaveLength(2);
  const [shim, forked] = (await processesWith(command.record)).sort((a, b) => a - b);
  process.kill(shim ?? 0, 'SIGKILL');
  expect(await start).toBeInstanceOf(NotBegunError);
  const reader = await open(gate, constants.O_RDONLY | constants.O_NONBLOCK);
  await expect.poll(() => existsSync(`/proc/${forked}`)).toBe(false);
  await reader.close();
  expect(await readdir(folder)).not.toContain('ran');
});
