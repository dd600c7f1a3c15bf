import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../src/worker/config/config.ts';

const folder = join(import.meta.dirname, '../deploy');
const units = ['oz-agent-worker.service', 'oz-server.service'];
const analyze = '/usr/bin/systemd-analyze';

test.skipIf(!existsSync(analyze)).each(units)('systemd takes %s as it is (where there is systemd)', async (unit) => {
  const copies = await mkdtemp(join(tmpdir(), 'units-'));
  onTestFinished(() => rm(copies, { recursive: true }));
  const text = await readFile(join(folder, unit), 'utf8');
  // The program is not installed on the machine that tests.
  await writeFile(join(copies, unit), text.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
  const { stdout, stderr } = await promisify(execFile)(analyze, ['verify', '--man=no', join(copies, unit)]);
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(unit));
  // systemd before 254 does not know it, and says so.
  expect(complaints.filter((line) => !line.includes('DelegateSubgroup'))).toEqual([]);
});

test("the worker's unit leaves running tasks alone, and does not start again what cannot work", async () => {
  const lines = (await readFile(join(folder, 'oz-agent-worker.service'), 'utf8')).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining(['KillMode=process', 'Delegate=yes', 'OOMPolicy=continue', 'RestartPreventExitStatus=2 3']),
  );
  expect(
    lines.filter((line) =>
      /^(PrivateTmp|NoNewPrivileges|Protect\w+|Restrict(?!Prevent)\w+|LockPersonality)=/.test(line),
    ),
  ).toEqual([]);
});

test('the worker takes the example settings', async () => {
  const variables = (await readFile(join(folder, 'worker.env'), 'utf8')).matchAll(/^(\w+)=(.*)$/gm);
  const host = Object.fromEntries(Array.from(variables, ([, name, value]) => [name, value]));
  const flags = {
    configFile: join(folder, 'worker.yaml'),
    logLevel: 'info',
    cleanup: true,
    volumes: [],
    env: [],
  } as const;
  await expect(
    resolveConfig({ ...flags, volumes: [], env: [] }, { ...host, WARP_API_KEY: 'wk-a-key' }),
  ).resolves.toMatchObject({
    workerId: 'build-1',
    server: { rootUrl: 'https://oz.example.com' },
  });
});
