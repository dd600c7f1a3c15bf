import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../common/clock.ts';
import { startChild } from './child-program.ts';

const never = new AbortController().signal;
let folder: string;
let logFile: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'child-program-'));
  logFile = join(folder, 'child.log');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('its output goes to a log of its own, which is continued and readable by nobody else', async () => {
  await writeFile(logFile, 'an earlier start\n', { mode: 0o600 });
  const child = await start('console.log("out"); console.error("err");');
  expect(await child.ended).toEqual({ code: 0, signal: null });
  expect(await readFile(logFile, 'utf8')).toBe('an earlier start\nout\nerr\n');
  expect(child.log()).toBe('out\nerr\n');
  expect((await stat(logFile)).mode & 0o777).toBe(0o600);
});

test('it says when it is ready', async () => {
  const child = await start('process.send({ type: "listening", url: "http://x" }); process.disconnect();');
  expect(await child.ready).toEqual({ type: 'listening', url: 'http://x' });
  await child.ended;
});

test('it is asked to stop, and waited for', async () => {
  const child = await start(`
    process.on('SIGTERM', () => { console.log('stopped'); process.exit(0); });
    setInterval(() => {}, 1000);
    process.send('ready');
  `);
  await child.ready;
  await child.stop(never);
  expect(child.log()).toBe('stopped\n');
});

test('to hurry means to ask again', async () => {
  const child = await start(`
    let asked = 0;
    process.on('SIGTERM', () => { asked += 1; console.log(asked); if (asked === 2) process.exit(0); });
    setInterval(() => {}, 1000);
    process.send('ready');
  `);
  await child.ready;
  const hurry = new AbortController();
  const stopped = child.stop(hurry.signal);
  await expect.poll(() => child.log()).toBe('1\n');
  hurry.abort();
  await stopped;
  expect(child.log()).toBe('1\n2\n');
});

test('one that does not even hurry is killed', async () => {
  let timeIsUp = () => {};
  const clock = {
    ...systemClock,
    after: (_delay: number, run: () => void) => {
      timeIsUp = run;
      return () => undefined;
    },
  };
  const child = await start(
    `process.on('SIGTERM', () => {}); process.send('ready'); setInterval(() => {}, 1000);`,
    clock,
  );
  await child.ready;
  const stopped = child.stop(AbortSignal.abort());
  timeIsUp();
  await stopped;
  expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a Ctrl-C in the terminal does not reach it', async () => {
  const child = await start(`
    const { readFileSync } = require('node:fs');
    process.send(Number(readFileSync('/proc/self/stat', 'utf8').split(' ')[5]));
    process.disconnect();
  `);
  const ownSession = Number((await readFile('/proc/self/stat', 'utf8')).split(') ')[1]?.split(' ')[3]);
  expect(await child.ready).not.toBe(ownSession);
  await child.ended;
});

async function start(source: string, clock = systemClock) {
  const script = join(folder, 'child.cjs');
  await writeFile(script, source);
  return startChild({ name: 'child', script, args: [], env: { PATH: process.env['PATH'] }, logFile, clock });
}
