import { expect, test } from 'vitest';
import type { ChildProgram, Ending } from './child-program.ts';
import { abortable, createWatch } from './watch.ts';

test('a request to stop ends the watch, and is no failure', async () => {
  const stop = new AbortController();
  const watch = createWatch(stop.signal);
  stop.abort(new Error('asked'));
  await expect(watch.over).rejects.toThrow('asked');
});

test('the last words of a program that gives up are the message', async () => {
  const log = '{"level":30,"msg":"starting"}\nPort 8080 on 127.0.0.1 is taken.\n';
  await expect(endOf(log, { code: 1, signal: null })).rejects.toThrow(/^Port 8080 on 127.0.0.1 is taken.$/);
});

test.for([
  ['by SIGKILL', { code: null, signal: 'SIGKILL' }],
  ['with exit code 0', { code: 0, signal: null }],
] as const)('a program that ends %s is named, with the end of its log', async ([how, ending]) => {
  await expect(endOf('one\ntwo\n', ending)).rejects.toThrow(
    `oz-server ended unexpectedly, ${how}. The end of /data/server.log:\n  one\n  two`,
  );
});

test('what has ended is not running', async () => {
  const watch = createWatch(new AbortController().signal);
  const ended = Promise.withResolvers<Ending>();
  watch.add({ ...program('', ended.promise), name: 'oz-agent-worker' });
  watch.add(program('', new Promise(() => undefined)));
  ended.resolve({ code: 1, signal: null });
  await expect(watch.over).rejects.toThrow('oz-agent-worker');
  expect(watch.running().map(({ name }) => name)).toEqual(['oz-server']);
});

test('an aborted wait rejects with the reason, a finished one resolves', async () => {
  await expect(abortable(new Promise(() => undefined), AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
  expect(await abortable(Promise.resolve(3), new AbortController().signal)).toBe(3);
});

function endOf(log: string, ending: Ending): Promise<never> {
  const watch = createWatch(new AbortController().signal);
  watch.add(program(log, Promise.resolve(ending)));
  return watch.over;
}

function program(log: string, ended: Promise<Ending>): ChildProgram {
  const logFile = '/data/server.log';
  return { name: 'oz-server', logFile, ended, ready: ended, log: () => log, stop: () => Promise.resolve() };
}
