import { mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkLibraries } from './library-links.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'library-links-'));
  await mkdir(join(folder, 'native/lib'), { recursive: true });
  await writeFile(join(folder, 'native/lib/libpq.so.5.18'), 'a library');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('a package that was installed without its install script gets its links, once', async () => {
  await writeLinks([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]);
  await linkLibraries(folder);
  await linkLibraries(folder);
  expect(await readlink(join(folder, 'native/lib/libpq.so.5'))).toBe('libpq.so.5.18');
  expect(await readFile(join(folder, 'native/lib/libpq.so.5'), 'utf8')).toBe('a library');
});

test('a package without a list of links needs none', async () => {
  await expect(linkLibraries(folder)).resolves.toBeUndefined();
});

test('links that cannot be made are refused with what to do', async () => {
  await writeLinks([{ source: 'native/lib/libpq.so.5.18', target: 'native/gone/libpq.so.5' }]);
  await expect(linkLibraries(folder)).rejects.toThrow(/without its install script.*DATABASE_URL/);
});

function writeLinks(links: { source: string; target: string }[]): Promise<void> {
  return writeFile(join(folder, 'native/pg-symlinks.json'), JSON.stringify(links));
}
