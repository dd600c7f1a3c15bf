import { mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRecording } from '../../../test/helpers/recording.ts';
import { systemClock, type Clock } from '../../common/clock.ts';
import { createProcessTable } from '../../process/process-table.ts';
import { maskingRecorder } from '../masking-recorder.ts';
import type { HarnessTask } from './harness.ts';
import { shellHarness } from './shell.ts';

let workspace: string;

beforeEach(async () => {
  workspace = await realpath(await mkdtemp(join(tmpdir(), 'shell-test-')));
});
afterEach(async () => {
  await rm(workspace, { recursive: true });
});

async function run(prompt: string, task: Partial<HarnessTask> = {}) {
  const recording = createRecording();
  const outcome = await shellHarness.run({
    prompt,
    cwd: workspace,
    scratch: tmpdir(),
    env: { PATH: process.env['PATH'] },
    recorder: recording,
    signal: new AbortController().signal,
    clock: systemClock,
    ...task,
  });
  return { outcome, recording };
}

/** Waits of the harness pass a hundred times as fast. */
const hasty: Clock = {
  now: () => systemClock.now() * 100,
  after: (delay, done) => systemClock.after(delay / 100, done),
};

test('a script that exits with 0 succeeds; its streams are told apart', async () => {
  const { outcome, recording } = await run('echo out; echo err >&2');
  expect(outcome).toEqual({ state: 'SUCCEEDED' });
  expect(recording.stream('stdout')).toBe('out\n');
  expect(recording.stream('stderr')).toBe('err\n');
  expect(recording.told).toEqual([
    { tool: 'run_command', input: { command: 'echo out; echo err >&2' } },
    { state: 'completed', output: { exit_code: 0 } },
  ]);
});

test.for([
  { prompt: 'exit 3', sentence: 'The script exited with code 3.', output: { exit_code: 3 } },
  { prompt: 'kill -TERM $$', sentence: 'The script was killed by SIGTERM.', output: { signal: 'SIGTERM' } },
  { prompt: 'no-such-command', sentence: 'The script exited with code 127.', output: { exit_code: 127 } },
])('`$prompt` fails: $sentence', async ({ prompt, sentence, output }) => {
  const { outcome, recording } = await run(prompt);
  expect(outcome).toEqual({ state: 'FAILED', status_message: { message: sentence, error_code: 'agent_failed' } });
  expect(recording.told.at(-1)).toEqual({ state: 'failed', output });
});

test('it runs in the workspace, without input, and with the environment it is given', async () => {
  const { recording } = await run('pwd; cat; ls; echo "$GREETING"', { env: { ...process.env, GREETING: 'hello' } });
  expect(recording.output()).toBe(`${workspace}\nhello\n`);
});

test('the script lies in a folder of its own, which others cannot read and which goes with it', async () => {
  const { recording } = await run('dirname "$0"; stat -c %a "$(dirname "$0")"');
  const [folder = '', mode] = recording.output().split('\n');
  expect(mode).toBe('700');
  expect(folder.startsWith(workspace)).toBe(false);
  await expect(stat(folder)).rejects.toThrow('ENOENT');
});

test('a first line with #! names the interpreter', async () => {
  const { recording } = await run('#!/usr/bin/env -S sh -e\necho one\nfalse\necho two');
  expect(recording.output()).toBe('one\n');
  const { recording: javaScript } = await run(`#! ${process.execPath}\r\nconsole.log(process.argv.length)`);
  expect(javaScript.output()).toBe('2\n');
});

test('an interpreter that does not exist is named', async () => {
  const { outcome } = await run('#!/no/such/shell\necho one');
  expect(outcome).toMatchObject({ state: 'FAILED', status_message: { error_code: 'agent_failed' } });
  expect(outcome.status_message?.message).toContain('/no/such/shell');
});

test('a prompt of a mebibyte runs, and the tool call shows its beginning', async () => {
  const { outcome, recording } = await run(`# ${'x'.repeat(1_048_576)}\necho ran`);
  expect(outcome.state).toBe('SUCCEEDED');
  expect(recording.output()).toBe('ran\n');
  expect(JSON.stringify(recording.told[0]).length).toBeLessThan(5_000);
});

test('big output arrives whole, however slowly it is taken', async () => {
  const recording = createRecording();
  const slow = { ...recording, room: () => new Promise<void>((resolve) => setImmediate(resolve)) };
  await run('seq 1 200000', { recorder: slow });
  expect(recording.output()).toBe(Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join(''));
});

test('a child in the background is ended with the script, and does not keep the run waiting', async () => {
  const { outcome, recording } = await run('sleep 1000 & echo $!', { clock: hasty });
  expect(outcome.state).toBe('SUCCEEDED');
  const living = await createProcessTable().snapshot();
  expect(living.map(({ pid }) => pid)).not.toContain(Number(recording.output()));
});

test('what a child writes just after the script has ended still counts', async () => {
  const { recording } = await run('(sleep 0.2; echo late) & echo early');
  expect(recording.output()).toBe('early\nlate\n');
});

test('a child that left the group may hold the pipe; nobody waits for it', async () => {
  const { outcome, recording } = await run('setsid sh -c "echo \\$\\$; exec sleep 1000" & sleep 0.2; echo over');
  const [stray] = recording.output().split('\n');
  process.kill(Number(stray), 'SIGKILL');
  expect(outcome.state).toBe('SUCCEEDED');
  expect(recording.output()).toContain('over');
});

test.for([
  { how: 'a little at a time', writer: 'while sleep 0.05; do echo still here; done' },
  { how: 'as fast as it can', writer: 'yes' },
])('a child that left the group may write on for ever, $how; nobody waits for it', async ({ writer }) => {
  const { outcome, recording } = await run(`echo out; setsid sh -c '${writer}' & echo $!`);
  process.kill(-Number(/\d+/.exec(recording.stream('stdout'))?.[0]), 'SIGKILL');
  expect(outcome).toEqual({ state: 'SUCCEEDED' });
  expect(recording.stream('stdout')).toMatch(/^out\n/);
});

test('when aborted it ends the whole group, those that ignore SIGTERM too', async () => {
  const recording = createRecording();
  const controller = new AbortController();
  const running = run("trap '' TERM; echo started; while :; do sleep 1; done", {
    recorder: recording,
    signal: controller.signal,
    clock: hasty,
  });
  await expect.poll(() => recording.output()).toContain('started');
  controller.abort();
  const { outcome } = await running;
  expect(outcome.status_message?.message).toBe('The script was killed by SIGKILL.');
});

test('a secret is masked, also one that is written in two goes with a pause between', async () => {
  const recording = createRecording();
  const recorder = maskingRecorder(recording, { secrets: ['hunter22-secret'], clock: systemClock });
  await run("echo hunter22-secret; printf 'now hunter2'; sleep 0.3; printf '2-secret, over '; printf 'h'", {
    recorder,
  });
  expect(recording.output()).toBe('***\nnow ***, over h');
});

test('a prompt without a line end is let out while the script waits', async () => {
  const recording = createRecording();
  const recorder = maskingRecorder(recording, { secrets: ['hunter22-secret'], clock: systemClock });
  const controller = new AbortController();
  const running = run("printf 'Go on? h'; sleep 1000", { recorder, signal: controller.signal });
  await expect.poll(() => recording.output()).toBe('Go on? h');
  controller.abort();
  await running;
});

test('a disk that takes no script is the platform’s fault', async () => {
  const { outcome } = await run('echo hello', { scratch: join(workspace, 'not-there') });
  expect(outcome).toMatchObject({ state: 'ERROR', status_message: { error_code: 'resource_unavailable' } });
});
