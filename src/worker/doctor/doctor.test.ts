import { existsSync } from 'node:fs';
import { appendFile, chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { startFakeServer } from '../../../test/helpers/fake-server.ts';
import { startTestServer } from '../../../test/helpers/test-server.ts';
import { makeFolder } from '../../../test/helpers/test-worker.ts';
import { runDoctor } from './doctor.ts';

test('where all is well it says so of each thing, exits with 0 and leaves nothing behind', async () => {
  const server = await startTestServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { examine, folder } = await makeHost(server.url, server.apiKey);
  const before = await readdir(folder);
  const { code, text } = await examine();
  expect(text).toMatch(/^ok {4}server {10}http:\/\/127\.0\.0\.1:\d+ answers$/m);
  expect(text).toMatch(/^ok {4}clock/m);
  expect(text).toMatch(/^ok {4}key {13}the server accepts it$/m);
  expect(text).toMatch(/^ok {4}protocol {8}oz-worker\.v2/m);
  expect(text).toMatch(/^ok {4}oz {14}oz of the test at/m);
  expect(text).toMatch(/^ok {4}workspace root {2}.*root \(will be made\), [\d.]+ [GM]iB free$/m);
  expect(text).toMatch(/^(ok|warn) {2,4}containment/m);
  expect(text).not.toContain('fail');
  expect(code).toBe(0);
  expect(await readdir(folder)).toEqual(before);
  const workers = await server.api('GET', '/agent/connected-self-hosted-workers');
  expect(await workers.json()).toEqual({ workers: [] });
});

test('what is wrong is said with what to do about it, and the exit code is 1', async () => {
  const server = await startTestServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { examine, folder } = await makeHost(server.url, 'wk-unknown-key-000');
  const { code, text } = await examine('--target-dir', join(folder, 'missing'), '--output-format', 'json');
  const { ok, checks } = JSON.parse(text) as {
    ok: boolean;
    checks: { what: string; status: string; advice?: string }[];
  };
  expect({ code, ok }).toEqual({ code: 1, ok: false });
  const failed = checks.filter(({ status }) => status === 'fail');
  expect(failed.map(({ what }) => what).sort()).toEqual(['key', 'target folder']);
  expect(failed.every(({ advice }) => advice !== undefined)).toBe(true);
  expect(existsSync(join(folder, 'missing'))).toBe(false);
});

test('a file where the state folder or one above it must be is told, as the worker could not start', async () => {
  const server = await startFakeServer();
  await server[Symbol.asyncDispose]();
  const { examine, folder } = await makeHost(server.url, 'wk-some-key-00000');
  const file = join(folder, 'worker.yaml');
  for (const stateDir of [file, join(file, 'below')]) {
    const { text } = await examine('--state-dir', stateDir);
    expect(text).toMatch(new RegExp(`^fail {2}state folder {4}${file} is not a folder$`, 'm'));
  }
});

test('of a program that says more than its version, the first line is shown', async () => {
  const server = await startFakeServer();
  await server[Symbol.asyncDispose]();
  const { examine, folder } = await makeHost(server.url, 'wk-some-key-00000');
  await writeFile(join(folder, 'oz'), '#!/bin/sh\nprintf "oz of the test\\nand its licence\\n"\n');
  expect((await examine()).text).toMatch(/^ok {4}oz {14}oz of the test at \S+\/oz$/m);
});

test('a server that is not there is told from a key that is refused', async () => {
  const server = await startFakeServer();
  await server[Symbol.asyncDispose]();
  const { examine } = await makeHost(server.url, 'wk-some-key-00000');
  const { text } = await examine();
  expect(text).toMatch(/^fail {2}server .*cannot be reached: .*ECONNREFUSED/m);
  expect(text).toMatch(/^fail {2}link .*cannot be connected to: .*ECONNREFUSED/m);
});

test('on a terminal, what is long goes on under where it began', async () => {
  const server = await startFakeServer();
  await server[Symbol.asyncDispose]();
  const { examineOn } = await makeHost(server.url, 'wk-some-key-00000');
  const text = stripVTControlCharacters((await examineOn(80)).text);
  expect(text).toMatch(/^fail {2}link {12}ws:\S+ cannot be\n {22}connected to: .*\n {22}→ Check --web-socket-url/m);
});

test('a user that cannot get to the folders is no user to run tasks as', async ({ skip }) => {
  if (process.getuid?.() !== 0) skip('only root runs tasks as others');
  const server = await startFakeServer();
  await server[Symbol.asyncDispose]();
  const { examine, folder } = await makeHost(server.url, 'wk-some-key-00000');
  await appendFile(join(folder, 'worker.yaml'), '\n    run_as: nobody\n');
  await chmod(folder, 0o755);
  expect((await examine()).text).toMatch(/^ok {4}run_as {10}tasks can run as nobody$/m);
  await chmod(folder, 0o700);
  expect((await examine()).text).toMatch(new RegExp(`^fail  run_as .*nobody cannot get to ${folder}`, 'm'));
});

/** A folder with an `oz` and a config file, and the doctor for it. */
async function makeHost(url: string, apiKey: string) {
  const folder = await makeFolder();
  await writeFile(join(folder, 'oz'), '#!/bin/sh\necho oz of the test\n', { mode: 0o755 });
  const lines = ['worker_id: w', `state_dir: ${join(folder, 'state')}`, 'backend:', '  direct:'];
  const direct = [`    workspace_root: ${join(folder, 'root')}`, `    oz_path: ${join(folder, 'oz')}`];
  await writeFile(join(folder, 'worker.yaml'), [...lines, ...direct].join('\n'));
  const examine = async (...args: string[]) => examineOn(undefined, ...args);
  const examineOn = async (columns: number | undefined, ...args: string[]) => {
    let text = '';
    const code = await runDoctor({
      args: ['--config-file', join(folder, 'worker.yaml'), ...args],
      host: { WARP_API_KEY: apiKey, WARP_SERVER_ROOT_URL: url, PATH: process.env['PATH'] },
      ozBeside: '/nonexistent',
      print: (part) => void (text += part),
      columns,
    });
    return { code, text };
  };
  return { examine, examineOn, folder };
}
