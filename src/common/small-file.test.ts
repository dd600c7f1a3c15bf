import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSmallFile } from './small-file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'small-file-'));
  path = join(folder, 'file');
});
afterEach(() => rm(folder, { recursive: true }));

test('a file is read whole up to the limit, and refused beyond it', async () => {
  await writeFile(path, 'grüße');
  expect(await readSmallFile(path, 7)).toBe('grüße');
  await expect(readSmallFile(path, 6)).rejects.toThrow('it is longer than 6 bytes');
});

test('a pipe, a folder and a link, even to a device, are refused at once', async () => {
  execFileSync('mkfifo', [path]);
  await expect(readSmallFile(path, 10)).rejects.toThrow('it is not a file');
  await expect(readSmallFile(folder, 10)).rejects.toThrow('it is not a file');
  await symlink('/dev/zero', join(folder, 'endless'));
  await expect(readSmallFile(join(folder, 'endless'), 10)).rejects.toThrow('it is a link');
});

test('a file that is not there is told by its code', async () => {
  await expect(readSmallFile(path, 10)).rejects.toMatchObject({ code: 'ENOENT' });
});
