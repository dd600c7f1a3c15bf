import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readEnvFile, writeEnvFile } from './env-file.ts';

const settings = { url: 'http://127.0.0.1:8080', apiKey: 'wk-abc_DEF-123' };
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'env-file-'));
  path = join(folder, 'quickstart.env');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('what was written is read again', async () => {
  await writeEnvFile(path, settings);
  expect(await readEnvFile(path)).toEqual(settings);
});

test('a shell that sources the file has both variables', async () => {
  await writeEnvFile(path, settings);
  const script = `set -a; . '${path}'; set +a; env`;
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script], { env: {} });
  expect(stdout).toContain(`WARP_SERVER_ROOT_URL=${settings.url}\n`);
  expect(stdout).toContain(`WARP_API_KEY=${settings.apiKey}\n`);
});

test('nobody else can read it, and nothing is left beside it', async () => {
  await writeFile(path, 'old', { mode: 0o644 });
  await writeEnvFile(path, settings);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['quickstart.env']);
});

test('a missing file and one without a key hold no settings', async () => {
  expect(await readEnvFile(path)).toBeUndefined();
  await writeFile(path, 'WARP_SERVER_ROOT_URL=http://127.0.0.1:1\nWARP_API_KEY=\n');
  expect(await readEnvFile(path)).toBeUndefined();
});
