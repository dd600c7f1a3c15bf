import { afterEach, beforeEach, expect, test } from 'vitest';
import { fakeRunId, startFakeApi, type FakeApi, type Spoiling } from '../../test/helpers/fake-api.ts';
import { randomFrom } from '../../test/helpers/random.ts';
import { createClient } from '../client/client.ts';
import { sleep, systemClock } from '../common/clock.ts';
import { openUnsentCalls } from './unsent-calls.ts';
import { createTranscriptWriter, type TranscriptWriterOptions } from './transcript-writer.ts';

let api: FakeApi;
const ending = new AbortController();

beforeEach(async () => {
  api = await startFakeApi();
});
afterEach(() => api[Symbol.asyncDispose]());

function startWriter(options: Partial<TranscriptWriterOptions> = {}) {
  const client = createClient({ rootUrl: api.url, retry: { retries: Infinity, firstDelay: 1, maxDelay: 2 } });
  return createTranscriptWriter({
    firstIndex: 0,
    turn: 1,
    clock: systemClock,
    append: (entries) => client.appendEntries(fakeRunId, entries),
    release: new AbortController().signal,
    onLost: () => {},
    unsent: openUnsentCalls(undefined),
    ...options,
  });
}

function deliveredText(): string {
  return api.entries.map((entry) => ('text' in entry ? entry.text : '')).join('');
}

test('what is written together is sent together, at most 25 ms later', async () => {
  const delays: number[] = [];
  const after = (delay: number, run: () => void) => {
    delays.push(delay);
    return systemClock.after(delay, run);
  };
  const writer = startWriter({ clock: { ...systemClock, after } });
  const message = writer.add({ type: 'user_message', text: 'hello' });
  writer.extend(message, ' and');
  writer.extend(message, ' more');
  await expect.poll(() => api.entries.length).toBe(2);
  // The longer ones wait for an answer.
  expect(delays.filter((delay) => delay < 500)).toEqual([25]);
  expect(api.requests).toHaveLength(1);
  expect(deliveredText()).toBe('hello and more');
});

test('whatever goes wrong on the way, nothing is lost, doubled or put out of order', async () => {
  for (let seed = 1; seed <= 8; seed += 1) {
    const random = randomFrom(seed);
    api.entries.length = 0;
    api.spoil = () => randomSpoiling(random);
    const writer = startWriter();
    let expected = '';
    for (let step = 0; step < 60; step += 1) {
      const text = `${step} ${'x'.repeat(Math.floor(random() * 40))}\n`;
      expected += text;
      writer.extend(0, text, random() < 0.5 ? 'stdout' : 'stderr');
      // Time for some deliveries between the writes: what is tested are their interleavings.
      if (random() < 0.3) await sleep(systemClock, Math.floor(random() * 30));
    }
    await writer.delivered(ending.signal);
    expect(deliveredText(), `seed ${seed}`).toBe(expected);
    expect(api.entries.map(({ index }) => index)).toEqual(api.entries.map((_, index) => index));
  }
});

test('a writer whose server is away is full at some point, and has room again when the server is back', async () => {
  api.spoil = () => ({ refuse: 'resource_unavailable' });
  const writer = startWriter();
  const piece = 'x'.repeat(65_536);
  for (let count = 0; count < 65; count += 1) writer.extend(0, piece, 'stdout');
  let hasRoom = false;
  const room = (async () => {
    await writer.room();
    hasRoom = true;
  })();
  await expect.poll(() => api.requests.length).toBeGreaterThan(3);
  expect(hasRoom).toBe(false);
  api.spoil = () => undefined;
  await room;
  await writer.delivered(ending.signal);
  expect(deliveredText()).toHaveLength(65 * piece.length);
});

test('a full writer holds nobody back once it is told not to', async () => {
  api.spoil = () => ({ refuse: 'resource_unavailable' });
  const release = new AbortController();
  const writer = startWriter({ release: release.signal });
  for (let count = 0; count < 65; count += 1) writer.extend(0, 'x'.repeat(65_536), 'stdout');
  const room = writer.room();
  release.abort();
  await room;
  await writer.room();
  api.spoil = () => undefined;
  await writer.delivered(ending.signal);
  expect(deliveredText()).toHaveLength(65 * 65_536);
});

test('a fenced writer says so once, and keeps nobody waiting', async () => {
  api.spoil = () => ({ refuse: 'conflict', detail: 'The execution is over.' });
  const losses: unknown[] = [];
  const writer = startWriter({ onLost: (error) => losses.push(error) });
  for (let count = 0; count < 65; count += 1) writer.extend(0, 'x'.repeat(65_536), 'stdout');
  await writer.room();
  writer.extend(0, 'more');
  await expect(writer.delivered(ending.signal)).rejects.toThrow('The execution is over.');
  expect(losses).toHaveLength(1);
  expect(api.requests).toHaveLength(1);
});

test('a server that expects what cannot be is a conflict, too', async () => {
  const writer = startWriter({ firstIndex: 3 });
  writer.add({ type: 'event', name: 'x', data: {} });
  await expect(writer.delivered(ending.signal)).rejects.toMatchObject({ code: 'conflict' });
});

test('waiting for delivery ends with the signal', async () => {
  api.spoil = () => ({ refuse: 'resource_unavailable' });
  const writer = startWriter();
  writer.add({ type: 'event', name: 'x', data: {} });
  await expect(writer.delivered(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  api.spoil = () => undefined;
  await writer.delivered(ending.signal);
});

function randomSpoiling(random: () => number): Spoiling | undefined {
  const spoilings: (Spoiling | undefined)[] = [
    undefined,
    undefined,
    { cut: 'before' },
    { cut: 'after' },
    { refuse: 'resource_unavailable' },
    { refuse: 'internal_error' },
    { late: Math.floor(random() * 30) },
    { late: 5, cut: 'after' },
  ];
  return spoilings[Math.floor(random() * spoilings.length)];
}
