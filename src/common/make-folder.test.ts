import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'make-folder-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('a folder is made with those above it, and may exist already', async () => {
  await makeFolder(join(folder, 'a/b/c'), 0o700);
  await makeFolder(join(folder, 'a/b/c'), 0o700);
  expect((await stat(join(folder, 'a/b/c'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o700);
});

test('two that make the same folder at once both have it', async () => {
  const path = join(folder, 'x/y/z');
  await Promise.all([makeFolder(path), makeFolder(path), makeFolder(path)]);
  expect((await stat(path)).isDirectory()).toBe(true);
});

test('a file where a folder should be is refused', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(folder, 'file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.runIf(process.platform === 'linux')('a folder that takes no entries is refused, also to root', async () => {
  await expect(makeFolder('/proc/no-such-folder/workspaces')).rejects.toMatchObject({ code: 'ENOENT' });
});
