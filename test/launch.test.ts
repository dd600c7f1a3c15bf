import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const run = promisify(execFile);
const bin = join(import.meta.dirname, '../bin');
const oldNode = await findOldNode();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'launch-'));
  await cp(bin, join(folder, 'bin'), { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a program that was not built says which command builds it', async () => {
  const refused = await failureOf(process.execPath, 'oz.js');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toBe(`${folder}/dist/cli/main.js is missing: run \`npm run build\` in ${folder}/.\n`);
});

test.for(['oz.js:cli', 'oz-agent-worker.js:worker', 'oz-server.js:server'])(
  '%s starts its program with the arguments given',
  async (pair) => {
    const [stub = '', program = ''] = pair.split(':');
    await writeProgram(program, 'console.log(JSON.stringify(process.argv.slice(2)))');
    const { stdout } = await run(process.execPath, [join(folder, 'bin', stub), 'run', '--name', 'a b']);
    expect(JSON.parse(stdout)).toEqual(['run', '--name', 'a b']);
  },
);

test.skipIf(oldNode === undefined)('an older Node is told in one line which one is needed', async () => {
  await writeProgram('cli', 'console.log("started")');
  const refused = await failureOf(oldNode ?? '', 'oz.js');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^This program needs Node 24 or newer; .* is Node \d+\.\d+\.\d+\.\n$/);
});

test.skipIf(oldNode === undefined)("an older Node goes on with the checkout's own, and ends like it", async () => {
  await mkdir(join(folder, 'node_modules/node/bin'), { recursive: true });
  await symlink(process.execPath, join(folder, 'node_modules/node/bin/node'));
  await writeProgram('cli', 'console.log(process.version, process.argv[2]); process.exitCode = 7;');
  const ended = await failureOf(oldNode ?? '', 'oz.js', 'argument');
  expect(ended).toMatchObject({ code: 7, stdout: `${process.version} argument\n` });
});

async function writeProgram(program: string, source: string): Promise<void> {
  await mkdir(join(folder, 'dist', program), { recursive: true });
  await writeFile(join(folder, 'dist', program, 'main.js'), source);
}

async function failureOf(node: string, stub: string, ...args: string[]): Promise<Failure> {
  const ended = run(node, [join(folder, 'bin', stub), ...args]);
  return ended.then(
    () => Promise.reject(new Error(`${stub} succeeded`)),
    (error: Failure) => error,
  );
}

interface Failure {
  code: number;
  stdout: string;
  stderr: string;
}

/** The first Node in PATH that is older than 24; a machine need not have one. */
async function findOldNode(): Promise<string | undefined> {
  const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  for (const node of places.map((place) => join(place, 'node')).filter((path) => existsSync(path))) {
    const { stdout } = await run(node, ['--version']);
    if (Number.parseInt(stdout.slice(1), 10) < 24) return node;
  }
  return undefined;
}
