import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeMachine } from '../../../../../test/helpers/isolated-machine.ts';
import { findSystemProgram } from '../../../../process/find-program.ts';

const isRoot = process.getuid?.() === 0;
const hasBubblewrap = findSystemProgram('bwrap') !== undefined;
/** Numbers of nobody. */
const users = ['54321', '54322'];

describe.skipIf(!isRoot)('run_as (needs root)', () => {
  test.each(['setup', 'agent', 'teardown'] as const)('%s runs as the user, with no way back to root', async (stage) => {
    const machine = await makeMachine({ runAs: ['54321'] });
    const task = await machine.task(0);
    expect(await task.run(stage, 'id -u; id -g; id -G; grep NoNewPrivs /proc/self/status; pwd')).toBe(
      `54321\n54321\n54321\nNoNewPrivs:\t1\n${task.place.workspace}\n`,
    );
  });

  test('a task uses its own folders and can read neither those of the daemon nor those of another', async () => {
    const machine = await makeMachine({ runAs: users });
    await writeFile(join(machine.state, 'journal'), 'secret', { mode: 0o600 });
    const [one, other] = [await machine.task(0), await machine.task(1)];
    await writeFile(join(one.place.state, 'record'), 'secret', { mode: 0o600 });
    await one.run('setup', `echo mine > ${one.place.workspace}/file; echo mine > ${one.isolation.own}/file`);
    const look = (folder: string) => `ls ${folder} >/dev/null 2>&1 && echo seen: ${folder};`;
    const read = (file: string) => `cat ${file} 2>/dev/null && echo read: ${file};`;
    const tries = [one.place.workspace, one.place.state, one.isolation.own, machine.state].map(look);
    const reads = [join(one.place.state, 'record'), join(machine.state, 'journal'), `${one.place.workspace}/file`];
    expect(await other.run('agent', `${tries.join('')}${reads.map(read).join('')} true`)).toBe('');
  });

  test('what the environment could make a program of root load is only there once the user is', async () => {
    const machine = await makeMachine({ runAs: ['54321'] });
    const task = await machine.task(0);
    const dangerous = {
      LD_PRELOAD: '/evil.so',
      NODE_OPTIONS: '--require=/evil.js',
      BASH_ENV: '/evil',
      PATH: '/bin:/x',
    };
    const fine = { HARMLESS: 'yes', NODE_AUTH_TOKEN: 'not among the arguments' };
    const { environment, through } = task.isolation.enter('agent', { ...dangerous, ...fine });
    expect(environment).toEqual({ ...fine, PATH: process.env['PATH'] });
    expect(through.indexOf('LD_PRELOAD=/evil.so')).toBeGreaterThan(through.findIndex((one) => one.endsWith('/env')));
    expect(
      await task.run('agent', 'echo $NODE_OPTIONS $BASH_ENV $PATH $HARMLESS', { ...dangerous, HARMLESS: 'yes' }),
    ).toBe('--require=/evil.js /evil /bin:/x yes\n');
  });

  test('HOME is the one of the user, or a folder of the task where the user has none', async () => {
    const machine = await makeMachine({ runAs: ['nobody', '54322'] });
    expect((await machine.task(0)).isolation.host).toMatchObject({ HOME: '/nonexistent', USER: 'nobody' });
    const task = await machine.task(1);
    expect(task.isolation.host).toMatchObject({ HOME: join(task.place.state, 'home'), USER: undefined });
    expect(await task.run('agent', 'touch ~/x && ls ~')).toBe('x\n');
  });

  test('a folder is removed with all that the task left, and its links lead nowhere', async () => {
    const machine = await makeMachine({ runAs: ['54321'] });
    const task = await machine.task(0);
    await writeFile(join(machine.folder, 'precious'), 'x');
    await task.run('agent', `mkdir -p a/b; ln -s ${machine.folder} a/b/out; chmod 0 a`);
    await task.isolation.remove(task.place.workspace);
    await expect(stat(task.place.workspace)).rejects.toThrow('ENOENT');
    expect(await readFile(join(machine.folder, 'precious'), 'utf8')).toBe('x');
  });

  test.skipIf(!hasBubblewrap)(
    'nobody but the daemon can change where its way out is made (needs bubblewrap)',
    async () => {
      const task = await (await makeMachine({ runAs: ['54321'], sandbox: { network: 'off' } })).task(0);
      const folder = join(task.place.state, 'egress');
      expect(
        await task.run('setup', `(touch ${folder}/x || mv ${folder} ${folder}2) 2>/dev/null && echo done; true`),
      ).toBe('');
    },
  );

  test('an earlier task is reopened as the user that it had', async () => {
    const machine = await makeMachine({ runAs: ['54321'] });
    const task = await machine.task(0);
    const later = await makeMachine({});
    const state: unknown = JSON.parse(JSON.stringify(task.isolation.state));
    const reopened = later.isolation.reopen(task.place, state as typeof task.isolation.state);
    expect(reopened.enter('teardown', {}).through).toContain('--reuid=54321');
  });

  test.each([
    [['no-such-user-here'], 1, 'no user "no-such-user-here"'],
    [['root'], 1, 'is root, which is no boundary'],
    [['0'], 1, 'is root, which is no boundary'],
    [users, 3, 'set max_concurrent_tasks to 2 at most'],
    [users, Infinity, 'set max_concurrent_tasks to 2 at most'],
    [['54321', '54321'], 2, 'names the user 54321 twice'],
  ])('%j for %d tasks is refused at the start', async (runAs, maxConcurrentTasks, words) => {
    await expect(makeMachine({ runAs, maxConcurrentTasks })).rejects.toThrow(words);
  });

  test('a user who cannot come to its folders is refused at the start, by name', async () => {
    await expect(makeMachine({ runAs: ['54321'], mode: 0o700 })).rejects.toThrow(
      /A task cannot be run as user 54321.*open to/,
    );
  });
});

test.skipIf(isRoot)('run_as is refused where the worker is not root (needs another user than root)', async () => {
  await expect(makeMachine({ runAs: ['54321'] })).rejects.toThrow('only a worker that runs as root');
});

test('a temporary folder of its own lies in the state folder of the task', async () => {
  const machine = await makeMachine({ privateTmp: true });
  const task = await machine.task(0);
  expect(task.isolation.host).toEqual({ TMPDIR: join(task.place.state, 'tmp') });
  expect(await task.run('setup', 'touch "$TMPDIR/x" && ls "$TMPDIR"')).toBe('x\n');
  await task.isolation.close();
  await expect(stat(join(task.place.state, 'tmp'))).rejects.toThrow('ENOENT');
});

test('nothing asked for is nothing done', async () => {
  const task = await (await makeMachine({})).task(0);
  expect(task.isolation.host).toEqual({});
  expect(task.isolation.enter('agent', { LD_X: 'y' })).toEqual({ through: [], environment: { LD_X: 'y' } });
});

const asWhom = [['the user of the daemon', undefined], ...(isRoot ? [['another user', ['54321']] as const] : [])] as [
  string,
  string[] | undefined,
][];

describe.skipIf(!hasBubblewrap).each(asWhom)('sandbox of %s (needs bubblewrap)', (_, runAs) => {
  test('the workspace and the temporary folders can be written to, and nothing else', async () => {
    const machine = await makeMachine({ runAs, sandbox: {} });
    const task = await machine.task(0);
    const open = ['.', '~', '$TMPDIR', '/tmp', '/var/tmp', '/dev/shm'];
    const closed = ['/etc', '/usr', '/run', '/home', '/var/lib', '/opt'];
    const script = `for d in "$@"; do eval "touch $d/.probe" 2>/dev/null && echo "$d"; done; true`;
    const tries = [...open, ...closed].map((path) => `'${path}'`).join(' ');
    const written = await task.run('agent', `set -- ${tries}; ${script}`, { TMPDIR: task.tmp });
    expect(written.trim().split('\n')).toEqual(open);
    expect(await readFile(join(task.place.workspace, '.probe'), 'utf8')).toBe('');
    await expect(stat('/tmp/.probe')).rejects.toThrow('ENOENT');
  });

  test('the settings of the kernel cannot be changed, by root within neither', async () => {
    const task = await (await makeMachine({ runAs, sandbox: {} })).task(0);
    const settings = ['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/hostname', '/proc/sysrq-trigger'];
    const open = (path: string) => `(: >>${path}) 2>/dev/null && echo ${path}`;
    expect(await task.run('agent', `${settings.map(open).join('; ')}; true`)).toBe('');
  });

  test("the daemon's folders, the file, other workspaces, homes and what is named are hidden", async () => {
    const machine = await makeMachine({ runAs, sandbox: { hidden: ['HIDDEN'], readable: ['HIDDEN/shown'] } });
    await machine.task(0);
    const task = await machine.task(0);
    const look = ['workspaces', 'state', 'state/w/instance', 'hidden'].map(
      (name) => `ls ${join(machine.folder, name)}`,
    );
    const [own, instance] = [task.place.workspace, task.place.state].map((path) => path.split('/').at(-1));
    const seen = await task.run('agent', `${look.join('; echo; ')}; cat ${machine.configFile} 2>&1; ls /home ~`);
    const [workspaces, state, tasks, hidden] = seen.split('\n\n');
    expect([workspaces, state, tasks]).toEqual([own, 'w', instance]);
    expect(hidden).toContain('shown');
    expect(seen).not.toContain('secret');
    expect(await task.run('agent', `cat ${machine.folder}/hidden/shown/file`)).toBe('shown');
  });

  test('it sees its own processes alone, has no rights, and its exit code is the code of the program', async () => {
    const machine = await makeMachine({ runAs, sandbox: {} });
    const task = await machine.task(0);
    const script = 'ls /proc | grep -c "^[0-9]"; grep -E "CapEff|CapPrm|CapAmb" /proc/self/status | sort -u -k2';
    const [processes, rights] = (await task.run('agent', script)).split('\n');
    expect(Number(processes)).toBeLessThan(8);
    expect(rights).toMatch(/\t0{16}$/);
    await expect(task.run('agent', 'exit 7')).rejects.toMatchObject({ code: 7 });
  });

  test('SIGTERM to the group reaches the program, which may end in its own way', async () => {
    const machine = await makeMachine({ runAs, sandbox: { network: 'off' } });
    const task = await machine.task(0);
    const child = task.start('agent', 'trap "echo ending; exit 5" TERM; echo ready; while :; do sleep 0.05; done');
    let output = '';
    child.stdout?.on('data', (data: Buffer) => {
      output += data.toString();
      if (output === 'ready\n') process.kill(-(child.pid ?? 0), 'SIGTERM');
    });
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ output, code }).toEqual({ output: 'ready\nending\n', code: 5 });
  });

  test('without a network the server and what is allowed are reached, and told is what is not', async () => {
    const [server, other] = [await listen('the server'), await listen('another')];
    const machine = await makeMachine({ runAs, sandbox: { network: 'off' }, server });
    const task = await machine.task(0);
    const fetchText = (url: string) =>
      `await fetch('${url}').then((r) => r.text()).catch((e) => String(e.cause?.message ?? e))`;
    const script = `console.log(${fetchText(server)}); console.log(${fetchText('http://example.test/')}); console.log(${fetchText(other)})`;
    const { stdout, stderr } = await task.runWhole('agent', `${process.execPath} --input-type=module -e "${script}"`);
    const [own, named, local] = stdout.split('\n');
    expect(own).toBe('the server');
    expect(named).not.toContain('another');
    expect(local).toContain('ECONNREFUSED');
    expect(stderr).toContain('The sandbox has no way to example.test');
    // Past the proxy there is nothing to be reached at all.
    const direct = `${process.execPath} -e "require('net').connect(${new URL(other).port}, '127.0.0.1').on('error', (e) => console.log(e.code)).on('connect', () => console.log('reached'))"`;
    expect(await task.run('agent', direct)).toBe('ECONNREFUSED\n');
  });

  test('what is asked for and is not there is refused at the start', async () => {
    await expect(makeMachine({ runAs, sandbox: { hidden: ['/no/such/folder'] } })).rejects.toThrow(
      'hidden: /no/such/folder',
    );
  });
});

test.skipIf(hasBubblewrap)(
  'a sandbox without bubblewrap is refused at the start (needs a host without it)',
  async () => {
    await expect(makeMachine({ sandbox: {} })).rejects.toThrow('Install the package bubblewrap');
  },
);

async function listen(answer: string): Promise<string> {
  const server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
