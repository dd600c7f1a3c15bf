import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { outputHolds, processTools as tools, scriptCommand, startScript } from '../../test/helpers/recorded.ts';
import { adoptRecorded } from './adopt-recorded.ts';
import { environmentContainment } from './containment.ts';
import { readBeginning, type Beginning } from './record.ts';
import type { RecordedCommand } from './recorded-process.ts';
import { startRecorded } from './start-recorded.ts';

const untilTold = 'echo ready; until [ -e told ]; do sleep 0.01; done; exit 5';

test('a command that runs on is adopted, and ends with its own code', async () => {
  const { started, record, marker, folder } = await startScript(untilTold, { until: 'ready' });
  started.release();
  const adopted = await adoptRecorded(record, [marker], tools);
  expect(adopted?.pid).toBe(started.pid);
  expect(adopted?.hasExited()).toBe(false);
  await writeFile(join(folder, 'told'), '');
  expect(await adopted?.exited).toEqual({ code: 5, signal: null });
});

test('an adopted command can be signalled', async () => {
  const { started, record, marker } = await startScript(
    'trap "exit 6" TERM; echo ready; while :; do sleep 0.01; done',
    {
      until: 'ready',
    },
  );
  started.release();
  const adopted = await adoptRecorded(record, [marker], tools);
  expect(adopted?.signalGroup('SIGTERM')).toBe(true);
  expect(await adopted?.exited).toEqual({ code: 6, signal: null });
  expect(adopted?.signalGroup('SIGTERM')).toBe(false);
});

test('a command that ended meanwhile has its code', async () => {
  const { started, record, marker } = await startScript('exit 4');
  await started.exited;
  expect(await (await adoptRecorded(record, [marker], tools))?.exited).toEqual({ code: 4, signal: null });
});

test('a command whose shim was killed is waited for, and ends without a code', async () => {
  const { started, record, marker, folder } = await startScript(untilTold, { until: 'ready' });
  process.kill(beginningOf(record).shim.pid, 'SIGKILL');
  const adopted = await adoptRecorded(record, [marker], tools);
  expect(adopted?.hasExited()).toBe(false);
  await writeFile(join(folder, 'told'), '');
  expect(await adopted?.exited).toEqual({ code: null, signal: null });
  expect(await started.exited).toEqual({ code: null, signal: null });
});

test('a shim that somebody stopped tells the code all the same', async () => {
  const { started, record, folder } = await startScript(untilTold, { until: 'ready' });
  process.kill(beginningOf(record).shim.pid, 'SIGSTOP');
  await writeFile(join(folder, 'told'), '');
  expect(await started.exited).toEqual({ code: 5, signal: null });
});

test('a command of an earlier life of the machine has ended without a code, and nobody is signalled for it', async () => {
  const { record, marker, started } = await startScript(untilTold, { until: 'ready' });
  await writeFile(
    join(record, 'beginning'),
    (await readFile(join(record, 'beginning'), 'utf8')).replace(/.*\n$/, 'other\n'),
  );
  const adopted = await adoptRecorded(record, [marker], tools);
  expect(await adopted?.exited).toEqual({ code: null, signal: null });
  expect(adopted?.signalGroup('SIGKILL')).toBe(false);
  expect(started.hasExited()).toBe(false);
});

test('a command that never began never will', async () => {
  const { command, marker } = await scriptCommand('touch ran');
  expect(await adoptRecorded(command.record, [marker], tools)).toBeUndefined();
  expect(await adoptRecorded(command.record, [marker], tools)).toBeUndefined();
  await expect(startRecorded(command, environmentContainment, tools)).rejects.toThrow('ended before it began');
});

test('a record that is gone is one of a command that never began', async () => {
  const { command, marker } = await scriptCommand('');
  await rm(command.record, { recursive: true });
  expect(await adoptRecorded(command.record, [marker], tools)).toBeUndefined();
});

test('a beginning that nobody is left to write is none', async () => {
  const { command, marker } = await scriptCommand('');
  await writeFile(join(command.record, 'beginning'), '');
  expect(await adoptRecorded(command.record, [marker], tools)).toBeUndefined();
});

test('a beginning that a machine went down with may have been one: it is not begun again', async () => {
  const { command, marker } = await scriptCommand('');
  await writeFile(join(command.record, 'beginning'), '');
  await utimes(join(command.record, 'beginning'), 1, 1);
  const adopted = await adoptRecorded(command.record, [marker], tools);
  expect(await adopted?.exited).toEqual({ code: null, signal: null });
  expect(adopted?.signalGroup('SIGKILL')).toBe(false);
});

test('a beginning that is being written is waited for', async () => {
  const { record, marker } = await startScript(untilTold, { until: 'ready' });
  const text = await readFile(join(record, 'beginning'), 'utf8');
  await writeFile(join(record, 'beginning'), '');
  const adopting = adoptRecorded(record, [marker], tools);
  await writeFile(join(record, 'beginning'), text);
  expect(await adopting).toMatchObject({ record });
});

test("a daemon's death neither ends a command nor loses its code", async () => {
  const { command, marker, folder } = await scriptCommand(untilTold);
  const daemon = startDaemon(command);
  await vi.waitFor(() => beginningOf(command.record), { timeout: 30_000, interval: 5 });
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  await outputHolds(command.output, 'ready');
  await writeFile(join(folder, 'told'), '');
  expect(await (await adoptRecorded(command.record, [marker], tools))?.exited).toEqual({ code: 5, signal: null });
});

function beginningOf(record: string): Beginning {
  const beginning = readBeginning(record);
  if (typeof beginning !== 'object') throw new Error(`the record is ${beginning}`);
  return beginning;
}

/** Another program that starts the command, and waits. */
function startDaemon(command: RecordedCommand): ChildProcess {
  const module = (name: string) => JSON.stringify(join(import.meta.dirname, name));
  const script = `
    import { startRecorded } from ${module('start-recorded.ts')};
    import { environmentContainment } from ${module('containment.ts')};
    import { systemClock as clock } from ${module('../common/clock.ts')};
    const { exited } = await startRecorded(${JSON.stringify(command)}, environmentContainment, { clock });
    await exited;`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
}
