import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { processTools as tools, scriptCommand } from '../../test/helpers/recorded.ts';
import { adoptRecorded } from './adopt-recorded.ts';
import { environmentContainment } from './containment.ts';
import { startRecorded } from './start-recorded.ts';

/** The smallest piece of a tmpfs, in bytes. */
const page = 4096;
const canMount = process.getuid?.() === 0 && process.platform === 'linux' && tryToMount();

test.skipIf(!canMount)('the code of a command is written on a full disk as well (needs root)', async () => {
  const { command, marker } = await commandOnDisk({ pagesLeft: 2, script: 'echo x; exit 3' });
  const started = await startRecorded(command, environmentContainment, tools);
  expect(await started.exited).toEqual({ code: 3, signal: null });
  expect(await (await adoptRecorded(command.record, [marker], tools))?.exited).toEqual({ code: 3, signal: null });
});

test.skipIf(!canMount)('a command whose beginning finds no room does not run (needs root)', async () => {
  const { command, marker } = await commandOnDisk({ pagesLeft: 1, script: 'touch ran' });
  await expect(startRecorded(command, environmentContainment, tools)).rejects.toThrow('ended before it began');
  expect(await adoptRecorded(command.record, [marker], tools)).toBeUndefined();
});

test.skipIf(!canMount)('a command whose code finds no room is not started (needs root)', async () => {
  const { command } = await commandOnDisk({ pagesLeft: 0, script: 'touch ran' });
  await expect(startRecorded(command, environmentContainment, tools)).rejects.toThrow('ENOSPC');
});

async function commandOnDisk({ pagesLeft, script }: { pagesLeft: number; script: string }) {
  const { command, marker, folder } = await scriptCommand(script);
  const disk = join(folder, 'disk');
  await mkdir(disk);
  mount(disk);
  onTestFinished(() => void execFileSync('umount', ['-l', disk]));
  const record = join(disk, 'record');
  await mkdir(record);
  await writeFile(join(disk, 'filler'), Buffer.alloc((4 - pagesLeft) * page));
  return { command: { ...command, record, output: join(disk, 'out') }, marker };
}

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${4 * page}`, 'tmpfs', folder], { stdio: 'ignore' });
}

function tryToMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'disk-test-'));
  try {
    mount(folder);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    // Root of a container may not mount.
    return false;
  } finally {
    rmdirSync(folder);
  }
}
