import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { systemClock } from '../../src/common/clock.ts';
import { environmentContainment, type Containment } from '../../src/process/containment.ts';
import { endStrays } from '../../src/process/end-strays.ts';
import { createProcessTable } from '../../src/process/process-table.ts';
import type { RecordedCommand, RecordedProcess } from '../../src/process/recorded-process.ts';
import { startRecorded } from '../../src/process/start-recorded.ts';

export const processTools = { table: createProcessTable(), clock: systemClock };

/** A shell script as a recorded command, with a marker of its own in its environment. */
export async function scriptCommand(script: string, marker = newMarker()) {
  const folder = await makeProcessFolder();
  const record = join(folder, 'record');
  await mkdir(record);
  const command: RecordedCommand = {
    program: '/bin/sh',
    args: ['-c', script],
    directory: folder,
    environment: { PATH: process.env['PATH'] ?? '', TEST_MARK: marker.slice('TEST_MARK='.length) },
    output: join(folder, 'out'),
    record,
    through: [],
  };
  onTestFinished(async () => void (await endStrays({ markers: [marker] }, processTools)));
  return { command, marker, folder };
}

export function newMarker(): string {
  return `TEST_MARK=${randomUUID()}`;
}

export interface ScriptOptions {
  /** What the script writes when it is ready. */
  until?: string;
  marker?: string;
  containment?: Containment;
}

/** Starts a script, and waits until it has written `until`. */
export async function startScript(script: string, options: ScriptOptions = {}) {
  const { until = '', marker: given, containment = environmentContainment } = options;
  const { command, marker, folder } = await scriptCommand(script, given);
  const started = await startRecorded(command, containment, processTools);
  onTestFinished(() => kill(started));
  await outputHolds(command.output, until);
  return { started, command, marker, folder, output: command.output, record: command.record };
}

export async function outputHolds(output: string, text: string): Promise<void> {
  const wait = { timeout: 10_000, interval: 5 };
  await vi.waitFor(async () => {
    if (!(await readFile(output, 'utf8')).includes(text)) throw new Error(`the output has no "${text}"`);
  }, wait);
}

export async function markedProcesses(marker: string): Promise<number[]> {
  const entries = await processTools.table.snapshot();
  return entries.filter((entry) => entry.environment.toString().split('\0').includes(marker)).map(({ pid }) => pid);
}

/** Living processes whose command line holds a text. */
export async function processesWith(text: string): Promise<number[]> {
  const entries = await processTools.table.snapshot();
  const lines = await Promise.all(entries.map(({ pid }) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return entries.filter((_, index) => lines[index]?.includes(text)).map(({ pid }) => pid);
}

async function makeProcessFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'process-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function kill(started: RecordedProcess): void {
  started.signalGroup('SIGKILL');
  started.release();
}
