import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, readdir, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sourceProgram } from '../../test/helpers/source-program.ts';
import { endPostmasterOf } from '../../test/helpers/postmaster.ts';

let dataDir: string;
let children: ChildProcess[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'oz-server-main-'));
  children = [];
});
afterEach(async () => {
  // Those of a test that failed half-way.
  for (const child of children) child.kill('SIGKILL');
  await endPostmasterOf(dataDir);
  await rm(dataDir, { recursive: true, force: true });
});

/** The program from source, told nothing of this shell's own settings. */
function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [...sourceProgram('server/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], HOME: dataDir, ...env },
  });
  children.push(child);
  const output = Promise.all([child.stdout, child.stderr].map(async (stream) => (stream ? await text(stream) : '')));
  const ended = once(child, 'exit').then(async ([code]) => {
    const [stdout = '', stderr = ''] = await output;
    return { code: code as number | null, stdout, stderr };
  });
  return { child, ended };
}

async function startListening(args: string[] = []) {
  const program = start(['--port', '0', '--data-dir', dataDir, ...args]);
  const [message] = (await Promise.race([once(program.child, 'message'), program.ended.then(failEarly)])) as [
    { type: string; url: string },
  ];
  return { ...program, message };
}

function failEarly({ stderr }: { stderr: string }): never {
  throw new Error(`The server ended early: ${stderr}`);
}

test.each([
  { args: ['--colour'], code: 2, says: "Error: unknown option '--colour'" },
  { args: ['serve', '--colour'], code: 2, says: "Error: unknown option '--colour'" },
  { args: ['paint'], code: 2, says: 'Error: ' },
  { args: ['--port', '99999'], code: 2, says: 'Error: --port "99999" must be at most 65535.' },
  { args: ['--data-dir', ''], code: 2, says: 'Error: --data-dir "" must name a folder.' },
  { args: ['api-key', 'create'], code: 2, says: "'--name <name>'" },
  { args: ['api-key', 'create', '--name', 'a', '--output-format', 'xml'], code: 2, says: 'json, text' },
])('oz-server $args is refused in one line', async ({ args, code, says }) => {
  const { ended } = start(args);
  const result = await ended;
  expect(result.code).toBe(code);
  expect(result.stderr.trim().split('\n')).toHaveLength(1);
  expect(result.stderr).toContain(says);
});

test.each([['--version'], ['--help'], ['api-key', 'create', '--help']])(
  'oz-server %s answers and exits 0',
  async (...args) => {
    const { code, stdout, stderr } = await start(args).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toBe('');
  },
);

test('oz-server --help says where the flags of the server are', async () => {
  const { stdout } = await start(['--help']).ended;
  expect(stdout).toContain('oz-server serve --help');
});

test.each([['api-key', 'create', '--name', 'x'], ['sign-in-link']])(
  '%s says so when no server runs',
  async (...args) => {
    const { code, stderr } = await start([...args, '--data-dir', dataDir]).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(`No server runs on the data folder ${dataDir}`);
  },
);

test('a server makes keys and links for whoever may read its folder, and stops with its database', async () => {
  const { child, ended, message } = await startListening();
  expect(message).toEqual({ type: 'listening', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string });

  const created = await start(['api-key', 'create', '--name', 'mine', '--output-format', 'json', '--data-dir', dataDir])
    .ended;
  const { raw_api_key, name } = JSON.parse(created.stdout) as { raw_api_key: string; name: string };
  expect(name).toBe('mine');
  const headers = { authorization: `Bearer ${raw_api_key}` };
  expect((await fetch(`${message.url}/api/v1/agent/runs`, { headers })).status).toBe(200);

  const link = (await start(['sign-in-link', '--data-dir', dataDir]).ended).stdout.trim();
  expect(link).toContain(`${message.url}/api/auth/magic-link/verify?token=`);
  expect((await fetch(link, { redirect: 'manual' })).headers.getSetCookie()).toHaveLength(1);
  const unknown = await start(['sign-in-link', '--email', 'no@body.test', '--data-dir', dataDir]).ended;
  expect(unknown).toMatchObject({ code: 1, stderr: 'Error: Nobody here has the address no@body.test.\n' });

  expect((await stat(join(dataDir, 'master-key'))).mode & 0o777).toBe(0o600);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
  await expect(stat(join(dataDir, 'postgres/data/postmaster.pid'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a server beside a running one is refused by the name of the folder', async () => {
  const first = await startListening();
  const second = await start(['--port', '0', '--data-dir', dataDir]).ended;
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining(`the data folder ${dataDir}`) as string });
  expect((await fetch(`${first.message.url}/readyz`)).status).toBe(200);
  first.child.kill('SIGINT');
  expect((await first.ended).code).toBe(0);
});

test('a server ends with its database when the process that started it is gone', async () => {
  const { child, ended } = await startListening();
  child.disconnect();
  expect((await ended).code).toBe(0);
  await expect(stat(join(dataDir, 'postgres/data/postmaster.pid'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a taken port is one line, and nothing is made for it', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const port = String((taken.address() as AddressInfo).port);
  const { code, stderr } = await start(['--port', port, '--data-dir', dataDir, '--log-level', 'error']).ended;
  taken.close();
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain(`port ${port} of 127.0.0.1: another program already listens there`);
  expect(await readdir(dataDir)).toEqual([]);
});
