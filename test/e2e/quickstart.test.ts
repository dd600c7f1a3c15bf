import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeDataFolder, processesIn, startQuickstart, upAndRunning } from '../helpers/quickstart.ts';

const settled = { timeout: 30_000, interval: 50 };

test('the first boot shows a run as it goes, a second one picks everything up, and a stop leaves nothing behind', async () => {
  await using folder = await makeDataFolder();
  const envFile = join(folder.path, 'quickstart.env');

  await using first = startQuickstart(folder.path);
  await first.waitForOutput(upAndRunning);
  expect(first.output()).toMatch(/QUEUED[\s\S]*INPROGRESS[\s\S]*│ Hello from [\s\S]*SUCCEEDED/);
  expect(first.output()).toContain('`shell` harness');
  expect(first.output()).toMatch(/http:\/\/127\.0\.0\.1:\d+\/api\/auth\/magic-link\/verify\?token=/);
  expect((await stat(envFile)).mode & 0o777).toBe(0o600);
  const settings = await readFile(envFile, 'utf8');
  // What its worker owns is written down in the same folder, where no other start finds it.
  expect(await readdir(join(folder.path, 'worker/local'))).toHaveLength(1);
  expect(await first.stop()).toMatchObject({ code: 0, stderr: '' });
  expect(await processesIn(folder.path)).toEqual([]);

  await using second = startQuickstart(folder.path);
  await second.waitForOutput(upAndRunning);
  expect(second.output()).toContain('Picked up');
  expect(second.output()).not.toContain('QUEUED');
  const port = /127\.0\.0\.1:(\d+)/.exec(second.output())?.[1] ?? '';
  expect(await readFile(envFile, 'utf8')).toBe(settings.replace(/(127\.0\.0\.1:)\d+/, `$1${port}`));
});

test('a second start beside the first is refused with the name of the folder, and the first goes on', async () => {
  await using folder = await makeDataFolder();
  await using first = startQuickstart(folder.path);
  await first.waitForOutput(upAndRunning);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(first.output())?.[0] ?? '';

  const { code, stderr } = await startQuickstart(folder.path).ended;
  expect(code).toBe(1);
  expect(stderr).toContain(folder.path);
  expect(stderr.trimEnd()).not.toContain('\n');
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test('a taken port is refused in one line', async () => {
  await using folder = await makeDataFolder();
  await using taken = await listenAnywhere();
  const { code, stderr } = await startQuickstart(folder.path, taken.port).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`^.*${taken.port}.*\n$`));
  expect(await processesIn(folder.path)).toEqual([]);
});

test('when it is killed, what it started ends too, and the next start works', async () => {
  await using folder = await makeDataFolder();
  await using first = startQuickstart(folder.path);
  await first.waitForOutput(upAndRunning);
  first.kill('SIGKILL');
  await expect.poll(() => processesIn(folder.path), settled).toEqual([]);

  await using second = startQuickstart(folder.path);
  await second.waitForOutput(/Picked up/);
});

test('when it is killed while it starts, what it started ends too', async () => {
  await using folder = await makeDataFolder();
  await using quickstart = startQuickstart(folder.path);
  await quickstart.waitForOutput(/Emerald/);
  const commands = async () => (await processesIn(folder.path)).map(({ command }) => command).join('\n');
  await expect.poll(commands, settled).toContain('oz-server');
  quickstart.kill('SIGKILL');
  await expect.poll(() => processesIn(folder.path), settled).toEqual([]);
});

test('when one of its programs dies, it says which, and stops the others', async () => {
  await using folder = await makeDataFolder();
  await using quickstart = startQuickstart(folder.path);
  await quickstart.waitForOutput(upAndRunning);
  const worker = (await processesIn(folder.path)).find(({ command }) => command.includes('oz-agent-worker'));
  process.kill(worker?.pid ?? Number.NaN, 'SIGKILL');
  const { code, stderr } = await quickstart.ended;
  expect(code).toBe(1);
  expect(stderr).toContain('oz-agent-worker ended unexpectedly, by SIGKILL');
  expect(stderr).toContain('Listening for tasks');
  expect(await processesIn(folder.path)).toEqual([]);
});

async function listenAnywhere(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}
