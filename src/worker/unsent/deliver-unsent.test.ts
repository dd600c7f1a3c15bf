import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { createManualClock } from '../../../test/helpers/manual-clock.ts';
import { fakeRunId, startFakeApi, type FakeApi } from '../../../test/helpers/fake-api.ts';
import { systemClock, type Clock } from '../../common/clock.ts';
import { createLogger } from '../../common/logger.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { Entry } from '../../protocol/transcript.ts';
import { unsentFile, type UnsentCall } from '../../protocol/unsent.ts';
import { deliverUnsent, type UnsentDelivery } from './deliver-unsent.ts';

const entry = (index: number): Entry => ({
  index,
  turn: 1,
  at: '2026-08-01T10:00:00Z',
  type: 'event',
  name: 'x',
  data: {},
});
const entries = (...indexes: number[]): UnsentCall => ({ call: 'append_entries', entries: indexes.map(entry) });
const outcome: UnsentCall = { call: 'report_turn', turn: 1, report: { state: 'SUCCEEDED' } };

test('all that was left is said, in its order and with the token of the task', async () => {
  const { api, deliver } = await leave([entries(0, 1), entries(2), outcome]);
  await deliver();
  expect(api.entries.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(api.reports).toEqual([{ state: 'SUCCEEDED' }]);
  expect(api.requests.at(-1)?.headers).toMatchObject({
    authorization: 'Bearer wk-task',
    'x-warp-cloud-agent-id': fakeRunId,
  });
});

test('what the server has heard already changes nothing, and a second delivery neither', async () => {
  const { api, deliver } = await leave([entries(0, 1, 2), outcome]);
  api.entries.push(entry(0), entry(1));
  await deliver();
  await deliver();
  expect(api.entries.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(api.reports).toEqual([{ state: 'SUCCEEDED' }]);
});

test('a server that is away is waited for', async () => {
  const { api, deliver } = await leave([entries(0), outcome]);
  api.spoil = () => (api.requests.length < 6 ? { cut: 'before' } : undefined);
  await deliver();
  expect(api.entries).toHaveLength(1);
  expect(api.reports).toHaveLength(1);
});

test('the wait ends with the signal', async () => {
  const { api, deliver } = await leave([entries(0)]);
  api.spoil = () => ({ cut: 'before' });
  const stop = new AbortController();
  const delivered = deliver(stop.signal);
  await expect.poll(() => api.requests.length).toBeGreaterThan(1);
  stop.abort(new Error('enough'));
  await expect(delivered).rejects.toThrow('enough');
});

test('a server that is there and takes nothing is not waited for, one that is away is', async () => {
  const clock = createManualClock();
  let isConnected = false;
  const { api, deliver } = await leave([entries(0)], {
    isConnected: () => isConnected,
    clock: { now: () => 0, after: (delay, run) => (delay < 60_000 ? hasty : clock).after(delay, run) },
  });
  api.spoil = () => ({ cut: 'before' });
  let isOver = false;
  const delivered = (async () => {
    await deliver();
    isOver = true;
  })();
  await expect.poll(() => api.requests.length).toBeGreaterThan(1);
  clock.advance(60 * 60_000);
  isConnected = true;
  clock.advance(2 * 60_000);
  await expect.poll(() => api.requests.length).toBeGreaterThan(3);
  expect(isOver).toBe(false);
  clock.advance(2 * 60_000);
  await delivered;
});

test('a server that takes it is not told without end what a task has put there', async () => {
  const clock = createManualClock();
  const endless = Array.from({ length: 20_000 }, () => entries(0));
  const { api, deliver } = await leave(endless, { isConnected: () => true, clock });
  const delivered = deliver();
  for (let look = 1; look <= 5; look += 1) {
    const before = api.requests.length;
    const requests = () => {
      // A request that took too long is tried again after a pause.
      clock.advance(1_000);
      return api.requests.length;
    };
    await expect.poll(requests).toBeGreaterThan(before);
    clock.advance(2 * 60_000);
  }
  await delivered;
  expect(api.requests.length).toBeLessThan(endless.length);
});

test.for(['conflict', 'authentication_required', 'invalid_request'] as const)(
  'what is refused with %s is left at that',
  async (refuse) => {
    const { api, deliver } = await leave([entries(0), outcome]);
    api.spoil = () => ({ refuse });
    await deliver();
    expect(api.requests).toHaveLength(1);
  },
);

test('a line that was never finished is passed over', async () => {
  const { api, file, deliver } = await leave([entries(0)]);
  await appendFile(file, JSON.stringify(outcome).slice(0, 30));
  await deliver();
  expect(api.entries).toHaveLength(1);
  expect(api.reports).toEqual([]);
});

test.for<[string, (file: string) => Promise<unknown>]>([
  ['nothing at all', (file) => rm(file)],
  ['what is no call', (file) => writeFile(file, '{"call":"cancel_run"}\n')],
  ['what is no JSON', (file) => writeFile(file, 'hello\n')],
  ['a link', async (file) => [await rm(file), await symlink('/etc/hostname', file)]],
  ['a pipe', async (file) => [await rm(file), await promisify(execFile)('mkfifo', [file])]],
  ['a line without an end', (file) => writeFile(file, 'x'.repeat(17 * 1024 * 1024))],
])('%s in its place is neither sent nor waited for', async ([, put]) => {
  const { api, file, deliver } = await leave([outcome]);
  await put(file);
  await deliver();
  expect(api.requests).toEqual([]);
});

/** Waits pass fifty times as fast. */
const hasty: Clock = { now: () => systemClock.now(), after: (delay, run) => systemClock.after(delay / 50, run) };

async function leave(calls: UnsentCall[], more: Partial<UnsentDelivery> = {}): Promise<Left> {
  const folder = await mkdtemp(join(tmpdir(), 'unsent-test-'));
  const api = await startFakeApi();
  onTestFinished(async () => {
    await api[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const file = join(folder, unsentFile);
  await writeFile(file, calls.map((call) => `${JSON.stringify(call)}\n`).join(''));
  const deliver = (signal = new AbortController().signal) =>
    deliverUnsent({
      folder,
      runId: fakeRunId as RunId,
      rootUrl: api.url,
      token: 'wk-task',
      isConnected: () => false,
      clock: hasty,
      log: createLogger({ name: 'test', level: 'error' }),
      signal,
      ...more,
    });
  return { api, file, deliver };
}

interface Left {
  api: FakeApi;
  file: string;
  readonly deliver: (signal?: AbortSignal) => Promise<void>;
}
