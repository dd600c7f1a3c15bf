import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { listenForStopRequests } from './stop-requests.ts';

function listen() {
  const source = new EventEmitter();
  const time = { now: 5_000 };
  const clock = { now: () => time.now, after: () => () => undefined };
  return { source, time, requests: listenForStopRequests(source, clock) };
}

test.for(['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'])('%s asks to stop', (event) => {
  const { source, requests } = listen();
  expect(requests.stop.aborted).toBe(false);
  source.emit(event);
  expect(requests.stop.aborted).toBe(true);
  expect(requests.hurry.aborted).toBe(false);
});

test('one Ctrl-C that arrives from the terminal and from npm is one request', () => {
  const { source, time, requests } = listen();
  source.emit('SIGINT');
  time.now += 300;
  source.emit('SIGINT');
  expect(requests.hurry.aborted).toBe(false);
});

test('a second Ctrl-C asks to hurry', () => {
  const { source, time, requests } = listen();
  source.emit('SIGINT');
  time.now += 1_500;
  source.emit('SIGINT');
  expect(requests.hurry.aborted).toBe(true);
});
