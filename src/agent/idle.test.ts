import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { fakeRunId, startFakeApi } from '../../test/helpers/fake-api.ts';
import { createManualClock } from '../../test/helpers/manual-clock.ts';
import { createRecording } from '../../test/helpers/recording.ts';
import { systemClock, type Clock } from '../common/clock.ts';
import type { AgentConfig } from '../protocol/runs.ts';
import { runManaged } from './managed-run.ts';

const minute = 60_000;

/** Waits of a minute and more are the test's, which sees them; shorter ones pass by themselves. */
function clockWithIdleTime() {
  const manual = createManualClock();
  const waits: number[] = [];
  const clock: Clock = {
    now: () => systemClock.now(),
    after(delay, run) {
      waits.push(delay);
      return (delay >= minute ? manual : systemClock).after(delay, run);
    },
  };
  return { clock, waits, advance: (duration: number) => manual.advance(duration) };
}

async function start(script: string, config: Partial<AgentConfig>) {
  const api = await startFakeApi();
  onTestFinished(() => api[Symbol.asyncDispose]());
  const cwd = await mkdtemp(join(tmpdir(), 'idle-'));
  onTestFinished(() => rm(cwd, { recursive: true }));
  api.run.prompt = script;
  Object.assign(api.run.agent_config, config);
  const { clock, waits, advance } = clockWithIdleTime();
  const stop = new AbortController();
  let isOver = false;
  const outcome = runManaged({
    runId: fakeRunId,
    rootUrl: api.url,
    token: 'wk-token',
    flags: {},
    cwd,
    env: { PATH: process.env['PATH'] },
    cliPath: '/opt/oz',
    show: createRecording(),
    onStart: () => {},
    clock,
    stop: stop.signal,
  }).finally(() => (isOver = true));
  return { api, waits, advance, stop, outcome, isOver: () => isOver };
}

test('a run that says so keeps its agent waiting after its outcome, until its time is up', async () => {
  const { api, waits, advance, outcome, isOver } = await start('true', { idle_timeout_minutes: 2 });
  await vi.waitFor(() => expect(waits).toContain(2 * minute));
  expect(api.reports.at(-1)).toEqual({ state: 'SUCCEEDED', idle: true });
  expect(isOver()).toBe(false);
  advance(2 * minute);
  await expect(outcome).resolves.toEqual({ state: 'SUCCEEDED' });
});

test('told to end while it waits, the agent has succeeded', async () => {
  const { waits, stop, outcome } = await start('true', { idle_timeout_minutes: 60 });
  await vi.waitFor(() => expect(waits).toContain(60 * minute));
  stop.abort(new Error('SIGTERM'));
  await expect(outcome).resolves.toEqual({ state: 'SUCCEEDED' });
});

test('without a word of the run, or after a failure, the agent does not wait', async () => {
  const plain = await start('true', {});
  await expect(plain.outcome).resolves.toEqual({ state: 'SUCCEEDED' });
  const failed = await start('exit 3', { idle_timeout_minutes: 60 });
  await expect(failed.outcome).resolves.toMatchObject({ state: 'FAILED' });
  expect(failed.api.reports.at(-1)).not.toHaveProperty('idle');
});
