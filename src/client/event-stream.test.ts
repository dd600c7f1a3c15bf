import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../common/clock.ts';
import { fakeRunId, startFakeApi, type FakeApi } from '../../test/helpers/fake-api.ts';
import { createClient } from './client.ts';
import type { StreamOptions } from './event-stream.ts';

let api: FakeApi;

beforeEach(async () => {
  api = await startFakeApi();
});
afterEach(() => api[Symbol.asyncDispose]());

const retry = { retries: 1, firstDelay: 1, maxDelay: 2 };

async function textsOf(options: StreamOptions = {}, clock = systemClock): Promise<string[]> {
  const client = createClient({ rootUrl: api.url, retry, clock });
  const texts: string[] = [];
  for await (const event of client.streamRun(fakeRunId, options)) {
    texts.push(event.event === 'entry' && 'text' in event.data ? event.data.text : event.event);
  }
  return texts;
}

function entry(index: number): string {
  const data = { type: 'user_message', index, turn: 1, at: '2026-08-01T10:00:00Z', text: `entry ${index} ✓` };
  return `event: entry\nid: 7.${index}\ndata: ${JSON.stringify(data)}\n\n`;
}
const end = 'event: end\nid: 8.2\ndata: {"state":"SUCCEEDED"}\n\n';

function lastEventIds(): (string | undefined)[] {
  return api.requests.map(({ headers }) => headers['last-event-id'] as string | undefined);
}

test('a stream that is cut inside an event goes on behind the last whole one', async () => {
  api.streams = [
    { pieces: [entry(0), entry(1).slice(0, 40)], end: 'cut' },
    { pieces: [entry(1), entry(2), end], end: 'open' },
  ];
  expect(await textsOf()).toEqual(['entry 0 ✓', 'entry 1 ✓', 'entry 2 ✓', 'end']);
  expect(lastEventIds()).toEqual([undefined, '7.0']);
});

test('a stream that the server closes before the end is resumed', async () => {
  api.streams = [
    { pieces: [entry(0)], end: 'close' },
    { pieces: [], end: 'close' },
    { pieces: [end], end: 'close' },
  ];
  expect(await textsOf()).toEqual(['entry 0 ✓', 'end']);
  expect(lastEventIds()).toEqual([undefined, '7.0', '7.0']);
});

test('bytes may be cut anywhere, inside a character too', async () => {
  const bytes = Buffer.from(entry(0) + end);
  api.streams = [{ pieces: Array.from(bytes, (byte) => Buffer.from([byte])), end: 'open' }];
  expect(await textsOf()).toEqual(['entry 0 ✓', 'end']);
});

test('without following, it ends with what there is', async () => {
  api.streams = [{ pieces: [entry(0)], end: 'close' }];
  expect(await textsOf({ follow: false, lastEventId: '6.-1' })).toEqual(['entry 0 ✓']);
  expect(api.requests[0]?.path).toContain('follow=false');
  expect(lastEventIds()).toEqual(['6.-1']);
});

test('without following, a server that does not come back is not waited for', async () => {
  api.streams = [
    { pieces: [entry(0)], end: 'cut' },
    { pieces: [], end: 'cut' },
  ];
  await expect(textsOf({ follow: false })).rejects.toThrow('cannot be reached');
});

test('events that this version does not know are passed over', async () => {
  api.streams = [{ pieces: ['event: weather\nid: 9.9\ndata: "sunny"\n\n', end], end: 'open' }];
  expect(await textsOf()).toEqual(['end']);
});

test('a stream that once stood is resumed through any number of failures', async () => {
  api.streams = [
    { pieces: [entry(0)], end: 'cut' },
    { pieces: [end], end: 'open' },
  ];
  api.spoil = () => {
    const tries = api.requests.length;
    return tries > 1 && tries < 10 ? { refuse: 'resource_unavailable' } : undefined;
  };
  expect(await textsOf()).toEqual(['entry 0 ✓', 'end']);
});

test('a stream that never stood fails when the policy says so, and at once for good reasons', async () => {
  api.spoil = () => ({ cut: 'before' });
  await expect(textsOf()).rejects.toMatchObject({ name: 'NetworkError' });
  expect(api.requests).toHaveLength(2);
  api.spoil = () => ({ refuse: 'resource_not_found', detail: 'There is no such run.' });
  await expect(textsOf()).rejects.toThrow('There is no such run.');
  expect(api.requests).toHaveLength(3);
});

test('a connection that has fallen silent is given up and made anew', async () => {
  api.streams = [
    { pieces: [entry(0)], end: 'open' },
    { pieces: [end], end: 'open' },
  ];
  const hasty = { ...systemClock, after: (delay: number, run: () => void) => systemClock.after(delay / 500, run) };
  expect(await textsOf({}, hasty)).toEqual(['entry 0 ✓', 'end']);
});

test('an abort ends the stream with its reason', async () => {
  api.streams = [{ pieces: [entry(0)], end: 'open' }];
  const controller = new AbortController();
  const texts = textsOf({ signal: controller.signal });
  await expect.poll(() => api.requests.length).toBe(1);
  controller.abort(new Error('enough'));
  await expect(texts).rejects.toThrow('enough');
});

test('a console chunk is handed out as it came', async () => {
  const data = { stream: 'setup', offset: 0, data: Buffer.from([0xff, 0x00]).toString('base64') };
  api.streams = [{ pieces: [`event: console\nid: 1\ndata: ${JSON.stringify(data)}\n\n`, end], end: 'open' }];
  const events = [];
  for await (const event of createClient({ rootUrl: api.url }).streamConsole(fakeRunId)) events.push(event);
  expect(events).toEqual([
    { event: 'console', data, id: '1' },
    { event: 'end', data: { state: 'SUCCEEDED' }, id: '8.2' },
  ]);
});
