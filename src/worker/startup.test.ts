import { existsSync } from 'node:fs';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startFakeServer } from '../../test/helpers/fake-server.ts';
import { makeFolder, startDaemon } from '../../test/helpers/test-worker.ts';

const required = ['--api-key', 'wk-key', '--worker-id', 'w', '--backend', 'direct'];

test.each<[string, string[], string[], string]>([
  ['an unknown flag', ['--nope'], [], "unknown option '--nope'"],
  ['an unknown key', [], ['nope: 1'], 'FOLDER/worker.yaml, line 1: nope: is not a known key'],
  ['a duplicate key', [], ['cleanup: true', 'cleanup: true'], 'line 2: cleanup: stands here a second time'],
  ['an empty file', [], [''], 'FOLDER/worker.yaml is empty.'],
  ['two backends', [], ['backend:', '  docker:', '  direct:'], 'backend: names direct and docker; one backend at most'],
  ['a reserved id', ['--worker-id', 'warp-9'], [], 'The worker id "warp-9" must not start with "warp"'],
  ['another backend', ['--backend', 'docker'], [], 'The docker backend is not yet built: use --backend direct.'],
  [
    'a root in the way of a file',
    [],
    direct('oz_path: FOLDER/oz', 'workspace_root: FOLDER/file/root'),
    'FOLDER/file/root cannot be written to',
  ],
  [
    'a missing target',
    ['--target-dir', 'FOLDER/none'],
    direct('oz_path: FOLDER/oz'),
    'The target folder FOLDER/none does not exist.',
  ],
  [
    'a target that is a file',
    ['--target-dir', 'FOLDER/file'],
    direct('oz_path: FOLDER/oz'),
    'The target folder FOLDER/file is no folder.',
  ],
  ['a missing oz', [], direct('oz_path: FOLDER/none'), 'oz is not at FOLDER/none'],
  ['an oz not in PATH', [], direct('oz_path: no-such-oz'), 'no-such-oz is not in PATH'],
  ['an oz that fails', [], direct('oz_path: FOLDER/broken'), 'oz at FOLDER/broken does not say its version'],
])('%s is refused with exit code 2 and one line, and nothing is changed', async (_name, args, lines, message) => {
  const folder = await makeFolder();
  const before = await prepare(folder, lines);
  const placed = args.map((arg) => arg.replaceAll('FOLDER', folder));
  const file = lines.length > 0 ? ['--config-file', join(folder, 'worker.yaml')] : [];
  const oz = lines.some((line) => line.includes('direct:')) ? [] : ['--backend', 'direct'];
  const daemon = startDaemon([...required, ...oz, ...file, ...placed], { TMPDIR: join(folder, 'tmp'), PATH: folder });
  expect((await daemon.exited).code).toBe(2);
  const plain = daemon
    .output()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('{'));
  expect(plain).toHaveLength(1);
  expect(plain[0]).toContain('oz-agent-worker: ');
  expect(plain[0]).toContain(message.replaceAll('FOLDER', folder));
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(before);
});

test('a script for Node is started with the Node of the daemon, whatever is in PATH', async () => {
  const folder = await makeFolder();
  await using server = await startFakeServer();
  await prepare(folder, direct('oz_path: oz-link', 'workspace_root: FOLDER/root'));
  await writeFile(join(folder, 'oz.mjs'), '#!/usr/bin/env node\nconsole.log("Node", process.version)', { mode: 0o755 });
  await symlink(join(folder, 'oz.mjs'), join(folder, 'oz-link'));
  await writeFile(join(folder, 'node'), '#!/bin/sh\nexit 1', { mode: 0o755 });
  const env = { TMPDIR: join(folder, 'tmp'), WARP_SERVER_ROOT_URL: server.url, PATH: folder };
  const daemon = startDaemon([...required, '--config-file', join(folder, 'worker.yaml')], env);
  await server.until(() => server.opened() === 1);
  expect(daemon.output()).toContain(`Tasks are executed by Node ${process.version} at ${process.execPath}`);
  daemon.kill('SIGTERM');
  await daemon.exited;
});

test('help and version are said on standard output with exit code 0', async () => {
  const help = startDaemon(['--help'], {});
  expect((await help.exited).code).toBe(0);
  expect(help.output()).toContain('Usage: oz-agent-worker');
  const version = startDaemon(['--version'], {});
  expect((await version.exited).code).toBe(0);
  expect(version.output()).toMatch(/^oz-agent-worker \d+\.\d+\.\d+\n$/);
});

test('the key that was given on the command line is not in the list of processes', async () => {
  const folder = await makeFolder();
  await using server = await startFakeServer();
  await prepare(folder, direct('oz_path: FOLDER/oz', 'workspace_root: FOLDER/root'));
  const args = [...required, '--config-file', join(folder, 'worker.yaml'), '--server-root-url', server.url];
  const daemon = startDaemon(args, { TMPDIR: join(folder, 'tmp') });
  await server.until(() => server.opened() === 1);
  expect(await readFile(`/proc/${daemon.pid}/cmdline`, 'utf8')).not.toContain('wk-key');
  daemon.kill('SIGINT');
  expect((await daemon.exited).code).toBe(0);
  expect(existsSync(join(folder, 'root'))).toBe(true);
});

function direct(...lines: string[]): string[] {
  return ['backend:', '  direct:', ...lines.map((line) => `    ${line}`)];
}

function place(lines: string[], folder: string): string {
  return lines.join('\n').replaceAll('FOLDER', folder);
}

/** Returns what is in the folder. */
async function prepare(folder: string, lines: string[]): Promise<string[]> {
  await writeFile(join(folder, 'file'), '');
  await writeFile(join(folder, 'oz'), '#!/bin/sh\necho fine', { mode: 0o755 });
  await writeFile(join(folder, 'broken'), '#!/bin/sh\nexit 1', { mode: 0o755 });
  if (lines.length > 0) await writeFile(join(folder, 'worker.yaml'), place(lines, folder));
  return (await readdir(folder, { recursive: true })).sort();
}
