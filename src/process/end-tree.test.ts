import { expect, test } from 'vitest';
import {
  markedProcesses,
  newMarker,
  processesWith,
  processTools as tools,
  startScript,
} from '../../test/helpers/recorded.ts';
import { environmentContainment } from './containment.ts';
import { endStrays } from './end-strays.ts';
import { endTree, type EndTreeOptions } from './end-tree.ts';
import { describeExit, exitCodeOf } from './exit.ts';
import type { RecordedProcess } from './recorded-process.ts';

const stubborn = 'trap "" TERM; echo ready; while :; do sleep 0.01; done';

test('a process that ends at SIGTERM is not killed', async () => {
  const { started, marker } = await startScript('trap "exit 7" TERM; echo ready; while :; do sleep 0.01; done', {
    until: 'ready',
  });
  expect(await end(started, { grace: 10_000, markers: [marker] })).toEqual([]);
  expect(await started.exited).toEqual({ code: 7, signal: null });
});

test('a process that ignores SIGTERM is killed after the grace', async () => {
  const { started, marker } = await startScript(stubborn, { until: 'ready' });
  await end(started, { grace: 50, markers: [marker] });
  expect(exitCodeOf(await started.exited)).toBe(137);
  expect(describeExit(await started.exited)).toBe('was killed by SIGKILL');
});

test('hurry ends the grace', async () => {
  const { started, marker } = await startScript(stubborn, { until: 'ready' });
  await end(started, { grace: 600_000, hurry: AbortSignal.abort(), markers: [marker] });
  expect(started.hasExited()).toBe(true);
});

test('a process that was stopped can still end by itself', async () => {
  const { started, marker } = await startScript('trap "exit 7" TERM; echo ready; while :; do sleep 0.01; done', {
    until: 'ready',
  });
  started.signalGroup('SIGSTOP');
  await end(started, { grace: 10_000, markers: [marker] });
  expect(await started.exited).toEqual({ code: 7, signal: null });
});

test('a member of the group that outlives its leader has the grace, and is killed after it', async () => {
  const { started, marker } = await startScript('(trap "" TERM; echo ready; exec sleep 600) & wait', {
    until: 'ready',
  });
  await end(started, { grace: 100, markers: [marker] });
  expect(await markedProcesses(marker)).toEqual([]);
});

test('a process that left the group is found by its marker', async () => {
  const { started, marker } = await startScript('setsid sh -c "echo ready; exec sleep 600" & wait', { until: 'ready' });
  await end(started, { grace: 10_000, markers: [marker] });
  expect(await markedProcesses(marker)).toEqual([]);
});

test('a child that left the group and dropped the marker is found as a child', async () => {
  const name = `600.${Date.now() % 100_000}`;
  const { started, marker } = await startScript(`env -i setsid sh -c "echo ready; exec /bin/sleep ${name}" & wait`, {
    until: 'ready',
  });
  await end(started, { grace: 10_000, markers: [marker] });
  expect(await processesWith(name)).toEqual([]);
});

test('whoever bears the number of a process that ended while it was looked for is left alone', async () => {
  const { started: stranger } = await startScript('echo ready; exec sleep 600', { until: 'ready' });
  let hasExited = false;
  const table = {
    async snapshot() {
      hasExited = true;
      const entries = await tools.table.snapshot();
      return entries.map((entry) => (entry.pid === stranger.pid ? { ...entry, parent: ended.pid } : entry));
    },
  };
  const exited = Promise.resolve({ code: 0, signal: null });
  const ended = { pid: 2 ** 22, exited, hasExited: () => hasExited, signalGroup: () => false };
  await endTree([ended], environmentContainment, { grace: 0, markers: [] }, { ...tools, table });
  expect(stranger.hasExited()).toBe(false);
});

test('what a finished process left behind is ended, a stranger with a longer marker is not', async () => {
  const marker = newMarker();
  const { started } = await startScript('setsid sleep 600 & exit 0', { marker });
  const stranger = await startScript('echo ready; exec sleep 600', { until: 'ready', marker: `${marker}x` });
  await started.exited;
  expect(await endStrays({ markers: [marker] }, tools)).toEqual([]);
  expect(await markedProcesses(marker)).toEqual([]);
  expect(stranger.started.hasExited()).toBe(false);
});

function end(started: RecordedProcess, options: EndTreeOptions): Promise<readonly number[]> {
  return endTree([started], environmentContainment, options, tools);
}
