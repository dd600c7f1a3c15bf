import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../../scripts/build-stamp.ts';
import { blocksOf } from '../helpers/markdown.ts';
import type { RunningProgram } from '../helpers/programs.ts';
import { makeDataFolder, startQuickstart, upAndRunning, type DataFolder } from '../helpers/quickstart.ts';

/**
 * Runs what README.md and the quickstart guide tell a newcomer to type, block by block, in a shell each document. Two
 * things differ from a newcomer's machine: `npm start` has been run already, and its data folder is a temporary one.
 */
let folder: DataFolder;
let quickstart: RunningProgram;
let home: string;

beforeAll(async () => {
  folder = await makeDataFolder();
  home = await mkdtemp(join(tmpdir(), 'readme-home-'));
  quickstart = startQuickstart(folder.path);
  await quickstart.waitForOutput(upAndRunning);
});

afterAll(async () => {
  await quickstart.stop();
  await folder[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

test('the commands of README.md work as they stand', async () => {
  expect(blocksOf(join(root, 'README.md')).filter(isCommands)[0]?.text).toBe('npm start\n');
  const output = await runBlocksOf('README.md');
  expect(output).toMatch(/Hello from .*workspaces/);
  expect(output).toMatch(/SUCCEEDED/);
});

test('the commands of docs/quickstart.md work as they stand', async () => {
  const output = await runBlocksOf('docs/quickstart.md');
  expect(output).toMatch(/one\n[\s\S]*two\n/);
  expect(output).toMatch(/^SUCCEEDED$/m);
  expect(output).toMatch(/magic-link/);
});

async function runBlocksOf(document: string): Promise<string> {
  const commands = blocksOf(join(root, document)).filter(isCommands);
  const script = commands
    .map(({ text }) => text)
    .filter((text) => text !== 'npm start\n')
    .join('\n');
  const env = { PATH: pathWithoutOwnPrograms(), HOME: home, NO_COLOR: '1' };
  const here = script.replaceAll('.data', relative(root, folder.path));
  const { stdout, stderr } = await promisify(execFile)('/bin/sh', ['-euc', here], { cwd: root, env });
  expect(stderr).not.toContain('npm warn');
  return stdout;
}

/** A newcomer's shell has no `oz` of ours in its PATH: `npx` finds it. */
function pathWithoutOwnPrograms(): string {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((place) => !place.includes('node_modules'))
    .join(delimiter);
}

function isCommands({ language }: { language: string }): boolean {
  return language === 'sh';
}
