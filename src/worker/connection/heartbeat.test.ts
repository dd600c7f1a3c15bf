import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { createManualClock } from '../../../test/helpers/manual-clock.ts';
import { startHeartbeat } from './heartbeat.ts';

test('a ping goes out every 30 s, and a line that is silent for 60 s is dropped', () => {
  const { socket, advance } = start();
  advance(29_999);
  expect(socket.done).toEqual([]);
  advance(1);
  expect(socket.done).toEqual(['ping']);
  advance(30_000);
  expect(socket.done).toEqual(['ping', 'terminate']);
});

test.each(['pong', 'message'])('a %s keeps the line', (event) => {
  const { socket, advance } = start();
  advance(59_000);
  socket.emit(event);
  advance(59_000);
  expect(socket.done).not.toContain('terminate');
  advance(1_000);
  expect(socket.done).toContain('terminate');
});

test('a ping of the server does not keep the line', () => {
  const { socket, advance } = start();
  advance(59_000);
  socket.emit('ping');
  advance(1_000);
  expect(socket.done).toContain('terminate');
});

test('a line that is closed is left alone', () => {
  const { socket, advance } = start();
  socket.emit('close');
  advance(120_000);
  expect(socket.done).toEqual([]);
});

class Line extends EventEmitter {
  readonly done: string[] = [];
  ping(): void {
    this.done.push('ping');
  }
  terminate(): void {
    this.done.push('terminate');
    this.emit('close');
  }
}

function start() {
  const socket = new Line();
  const clock = createManualClock();
  startHeartbeat(socket as unknown as WebSocket, clock);
  return { socket, advance: (duration: number) => clock.advance(duration) };
}
