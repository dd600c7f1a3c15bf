import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../common/clock.ts';
import { endStrays } from './end-strays.ts';
import { endTree } from './end-tree.ts';
import { describeExit, exitCodeOf } from './exit.ts';
import { createProcessTable } from './process-table.ts';
import { startProcess, type StartedProcess } from './start-process.ts';

const tools = { table: createProcessTable(), clock: systemClock };

test('a command runs in a group of its own, without input, with its output in a file', async () => {
  const { started, output } = await start('read line; echo "got: $line"; ps -o pgid= -p $$ >&2; exit 3');
  expect(await started.exited).toEqual({ code: 3, signal: null });
  expect((await readFile(output, 'utf8')).split('\n')[0]).toBe('got: ');
  expect(Number((await readFile(output, 'utf8')).split('\n')[1])).toBe(started.pid);
});

test('a program that does not exist is refused', async () => {
  const folder = await makeFolder();
  const command = { program: '/no/such/program', args: [], directory: folder, environment: {} };
  await expect(startProcess({ ...command, output: join(folder, 'out') })).rejects.toThrow('ENOENT');
});

test('a process that ends at SIGTERM is not killed', async () => {
  const { started, marker } = await start('trap "exit 7" TERM; echo ready; while :; do sleep 0.01; done', 'ready');
  expect(await endTree(started, { grace: 10_000, markers: [marker] }, tools)).toEqual([]);
  expect(await started.exited).toEqual({ code: 7, signal: null });
});

test('a process that ignores SIGTERM is killed after the grace', async () => {
  const { started, marker } = await start('trap "" TERM; echo ready; while :; do sleep 0.01; done', 'ready');
  await endTree(started, { grace: 50, markers: [marker] }, tools);
  expect(exitCodeOf(await started.exited)).toBe(137);
  expect(describeExit(await started.exited)).toBe('was killed by SIGKILL');
});

test('hurry ends the grace', async () => {
  const { started, marker } = await start('trap "" TERM; echo ready; while :; do sleep 0.01; done', 'ready');
  await endTree(started, { grace: 600_000, hurry: AbortSignal.abort(), markers: [marker] }, tools);
  expect(started.hasExited()).toBe(true);
});

test('a member of the group that outlives its leader has the grace, and is killed after it', async () => {
  const { started, marker } = await start('(trap "" TERM; echo ready; exec sleep 600) & wait', 'ready');
  await endTree(started, { grace: 100, markers: [marker] }, tools);
  expect(await marked(marker)).toEqual([]);
});

test('a process that left the group is found by its marker', async () => {
  const { started, marker } = await start('setsid sh -c "echo ready; exec sleep 600" & wait', 'ready');
  await endTree(started, { grace: 10_000, markers: [marker] }, tools);
  expect(await marked(marker)).toEqual([]);
});

test('a child that left the group and dropped the marker is found as a child', async () => {
  const name = `600.${Date.now() % 100_000}`;
  const { started, marker } = await start(`env -i setsid sh -c "echo ready; exec /bin/sleep ${name}" & wait`, 'ready');
  await endTree(started, { grace: 10_000, markers: [marker] }, tools);
  const commands = await Promise.all((await tools.table.snapshot()).map(({ pid }) => commandLine(pid)));
  expect(commands.filter((line) => line.includes(name))).toEqual([]);
});

test('what a finished process left behind is ended, a stranger with a longer marker is not', async () => {
  const { started, marker } = await start('setsid sleep 600 & exit 0');
  const stranger = await start('echo ready; exec sleep 600', 'ready', `${marker}x`);
  await started.exited;
  expect(await endStrays({ markers: [marker] }, tools)).toEqual([]);
  expect(await marked(marker)).toEqual([]);
  expect(stranger.started.hasExited()).toBe(false);
});

async function start(script: string, until = '', marker = `TEST_MARK=${randomUUID()}`) {
  const folder = await makeFolder();
  const output = join(folder, 'out');
  const started = await startProcess({
    program: '/bin/sh',
    args: ['-c', script],
    directory: folder,
    environment: { PATH: process.env['PATH'] ?? '', TEST_MARK: marker.slice('TEST_MARK='.length) },
    output,
  });
  onTestFinished(() => killAll(started, marker));
  await vi.waitFor(async () => expect(await readFile(output, 'utf8')).toContain(until), { timeout: 10_000 });
  return { started, output, marker };
}

async function killAll(started: StartedProcess, marker: string): Promise<void> {
  started.signalGroup('SIGKILL');
  await started.exited;
  await endStrays({ markers: [marker] }, tools);
}

async function marked(marker: string): Promise<number[]> {
  const entries = await tools.table.snapshot();
  return entries.filter((entry) => entry.environment.toString().split('\0').includes(marker)).map((entry) => entry.pid);
}

async function commandLine(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'process-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}
