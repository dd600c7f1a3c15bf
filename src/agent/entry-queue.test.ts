import { expect, test } from 'vitest';
import { createEntryQueue } from './entry-queue.ts';

const newQueue = (firstIndex = 0) => createEntryQueue({ firstIndex, turn: 1, now: () => 0 });

test('entries are numbered on from the first index', () => {
  const queue = newQueue(7);
  expect(queue.add({ type: 'user_message', text: 'hello' })).toBe(7);
  expect(queue.add({ type: 'event', name: 'x', data: {} })).toBe(8);
  expect(queue.batch()).toEqual([
    { index: 7, turn: 1, at: '1970-01-01T00:00:00.000Z', type: 'user_message', text: 'hello' },
    { index: 8, turn: 1, at: '1970-01-01T00:00:00.000Z', type: 'event', name: 'x', data: {} },
  ]);
});

test('text of the same stream is joined while it waits, other text is not', () => {
  const queue = newQueue();
  queue.extend(0, 'a', 'stdout');
  queue.extend(0, 'b', 'stdout');
  queue.extend(0, 'c', 'stderr');
  queue.extend(1, 'd', 'stderr');
  expect(queue.batch().map((entry) => 'text' in entry && entry.text)).toEqual(['ab', 'c', 'd']);
});

test('what was handed out is never changed, and is handed out again until it is acknowledged', () => {
  const queue = newQueue();
  queue.extend(0, 'a', 'stdout');
  const first = queue.batch();
  queue.extend(0, 'b', 'stdout');
  expect(queue.batch().slice(0, 1)).toEqual(first);
  expect(first).toMatchObject([{ text: 'a' }]);
  queue.acknowledge(1);
  expect(queue.batch()).toMatchObject([{ index: 1, text: 'b' }]);
});

test('a delivery is bounded in entries and in text, and has one entry at least', () => {
  const many = newQueue();
  for (let count = 0; count < 501; count += 1) many.add({ type: 'event', name: 'x', data: {} });
  expect(many.batch()).toHaveLength(500);
  const long = newQueue();
  for (let count = 0; count < 40; count += 1) long.extend(0, 'x'.repeat(65_536));
  expect(long.batch()).toHaveLength(16);
});

test('the length of what waits is known', () => {
  const queue = newQueue();
  queue.extend(0, 'abc');
  queue.extend(0, 'de');
  expect(queue.textLength()).toBe(5);
  queue.batch();
  queue.acknowledge(1);
  expect(queue.textLength()).toBe(0);
  expect(queue.isEmpty()).toBe(true);
});

test.for([4, 5, 8])('an acknowledgement of %d, which cannot be, is a conflict', (nextIndex) => {
  const queue = newQueue(5);
  queue.add({ type: 'event', name: 'x', data: {} });
  queue.add({ type: 'event', name: 'y', data: {} });
  queue.batch();
  expect(() => queue.acknowledge(nextIndex)).toThrow(
    `expects transcript entry ${nextIndex}, where 6 to 7 was possible`,
  );
});
