import { chmod, chown, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { takeInstanceFolders } from './instance-folder.ts';

const planted = '7b0e3c52-5b1f-4c53-9f3e-3f2a8d1c9e10';

test('what another daemon has left is taken, once', async () => {
  const worker = await makeWorkerFolder();
  await mkdir(join(worker, planted, 'tasks/a'), { recursive: true });
  const [own, ...more] = await take(worker);
  expect([own.id, more]).toEqual([planted, []]);
  expect((await take(worker))[0].id).not.toBe(planted);
});

test('daemons that start and end at the same moment never share a folder, and leave none', async () => {
  const worker = await makeWorkerFolder();
  const daemons = Array.from({ length: 12 }, async () => {
    const folders = await takeInstanceFolders(worker);
    for (const folder of folders) await folder.close();
    return folders[0].id;
  });
  expect(new Set(await Promise.all(daemons)).size).toBeGreaterThan(0);
  expect(await readdir(join(worker, '..'))).toEqual([]);
});

test('a folder that others may write to is refused: what stands in it would be carried out', async () => {
  const worker = await makeWorkerFolder();
  await chmod(worker, 0o770);
  await expect(takeInstanceFolders(worker)).rejects.toThrow(`${worker} cannot be used: others may write to it`);
  await chmod(worker, 0o700);
  await chmod(join(worker, '..'), 0o777);
  await expect(takeInstanceFolders(worker)).rejects.toThrow('everybody may exchange what is in');
  await chmod(join(worker, '..'), 0o1777);
  await take(worker);
});

test.skipIf(process.getuid?.() !== 0)('a folder of another user is refused, by whatever way (needs root)', async () => {
  const worker = await makeWorkerFolder();
  await mkdir(join(worker, planted));
  await chown(join(worker, planted), 54321, 54321);
  await expect(takeInstanceFolders(worker)).rejects.toThrow('it belongs to another user (54321)');
  await chown(worker, 54321, 54321);
  await expect(takeInstanceFolders(worker)).rejects.toThrow('it belongs to another user (54321)');
  const link = `${worker}-link`;
  await symlink(worker, link);
  await expect(takeInstanceFolders(link)).rejects.toThrow('it belongs to another user (54321)');
});

async function makeWorkerFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'instance-folder-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const worker = join(folder, 'state/worker');
  await mkdir(worker, { recursive: true, mode: 0o700 });
  return worker;
}

async function take(worker: string) {
  const folders = await takeInstanceFolders(worker);
  onTestFinished(async () => {
    for (const folder of folders) await folder.close();
  });
  return folders;
}
