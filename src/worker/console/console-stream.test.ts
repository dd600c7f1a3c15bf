import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock, type Clock } from '../../common/clock.ts';
import { createConsoleStream, type ConsoleStreamOptions } from './console-stream.ts';

test('chunks that were lost are sent again after a silence, and nothing is stored twice', async () => {
  const { stream, sent, silences, store } = await open('x'.repeat(200_000));
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  store(0);
  await vi.waitFor(() => expect(sent).toHaveLength(4));
  // The second is lost, so a server refuses the ones behind it; nothing is acknowledged.
  silences.splice(0).forEach((over) => over());
  await vi.waitFor(() => expect(sent).toHaveLength(5));
  expect(sent[4]?.offset).toBe(65_536);
  store(4);
  await vi.waitFor(() => expect(sent).toHaveLength(7));
  store(5);
  store(6);
  await stream.finish();
});

test('a server that stores nothing is not sent the same thing over and over', async () => {
  const { stream, sent } = await open('hello');
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  for (let round = 0; round < 20; round += 1) {
    stream.acknowledge(0);
    await new Promise(setImmediate);
  }
  expect(sent).toHaveLength(1);
});

test('on a new connection it goes on where the server stands', async () => {
  const { stream, sent, file } = await open('hello ');
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  // The server stored it, but its word was lost with the connection.
  stream.resume(6);
  await appendFile(file, 'world');
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toEqual({ offset: 6, data: 'world' });
});

test.for([
  ['a daemon that is new to it', 4],
  ['a server that has lost some of it', 2],
])('%s has the file read and masked again, from where the server stands', async ([, offset]) => {
  const { stream, sent, store } = await open('hunter22 0123456789');
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  store(0);
  stream.resume(offset as number);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toEqual({ offset, data: '*** 0123456789'.slice(offset as number) });
  store(1);
  await stream.finish();
});

test('a secret that becomes known later does not move the offsets', async () => {
  const secrets = ['hunter22'];
  const { stream, sent } = await open('hunter22 sesame-1 more', { secrets });
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  secrets.push('sesame-1');
  stream.resume(6);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toEqual({ offset: 6, data: 'same-1 more' });
});

test.for([
  ['shorter than what the server has', 'short'],
  ['gone', undefined],
])('a file that is %s ends with a note', async ([, text]) => {
  const { stream, sent, store } = await open(text, { offset: 40 });
  const finished = stream.finish();
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]).toEqual({ offset: 40, data: expect.stringContaining('What follows is lost') });
  store(0);
  await finished;
});

test('who holds the output open after the end holds nobody up', async () => {
  const { stream, sent, store, file } = await open('all of it');
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  const finished = stream.finish();
  const writing = setInterval(() => void appendFile(file, 'more'), 1);
  onTestFinished(() => clearInterval(writing));
  const storing = setInterval(() => sent.forEach((_, index) => store(index)), 1);
  onTestFinished(() => clearInterval(storing));
  await finished;
});

test('beyond the limit one note is sent, and no more', async () => {
  const { stream, sent, store, file } = await open('0123456789', { limit: 8 });
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.data).toBe('01234567\n[What follows is not shown: the limit is 8 bytes.]\n');
  await appendFile(file, 'more');
  store(0);
  await stream.finish();
  expect(sent).toHaveLength(1);
});

test('offsets count masked bytes', async () => {
  const { sent, store, file } = await open('hunter22 ');
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  store(0);
  await appendFile(file, 'again');
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent).toEqual([
    { offset: 0, data: '*** ' },
    { offset: 4, data: 'again' },
  ]);
});

async function open(text: string | undefined, options: Partial<ConsoleStreamOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'console-test-'));
  const file = join(folder, 'out');
  if (text !== undefined) await writeFile(file, text);
  const sent: { offset: number; data: string }[] = [];
  const silences: (() => void)[] = [];
  const stream = await createConsoleStream({
    file,
    secrets: ['hunter22'],
    send: (offset, data) => sent.push({ offset, data: data.toString() }) > 0,
    clock: withSilences(silences),
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  onTestFinished(async () => {
    await stream.close();
    await rm(folder, { recursive: true });
  });
  const store = (index: number) => stream.acknowledge((sent[index]?.offset ?? 0) + (sent[index]?.data.length ?? 0));
  return { stream, sent, silences, store, file };
}

/** Real time, but silences are over when the test says so. */
function withSilences(silences: (() => void)[]): Clock {
  return {
    now: () => systemClock.now(),
    after(delay, run) {
      if (delay < 10_000) return systemClock.after(delay, run);
      silences.push(run);
      return () => silences.splice(silences.indexOf(run), 1);
    },
  };
}
