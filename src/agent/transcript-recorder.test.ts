import { expect, test } from 'vitest';
import { maxEntryText } from '../protocol/transcript.ts';
import { createEntryQueue } from './entry-queue.ts';
import { transcriptRecorder } from './transcript-recorder.ts';

/** What the recorder writes; every entry keeps to itself, as if each had been sent at once. */
function start() {
  const queue = createEntryQueue({ firstIndex: 0, turn: 1, now: () => 0 });
  const recorder = transcriptRecorder({
    add: (entry) => queue.add(entry),
    extend: (...args) => queue.extend(...args),
    room: () => Promise.resolve(),
    keepUnsent: () => undefined,
    delivered: () => Promise.resolve(),
  });
  const textOf = (stream: string) =>
    queue
      .batch()
      .map((entry) => (entry.type === 'delta' && entry.stream === stream ? entry.text : ''))
      .join('');
  return { recorder, queue, textOf };
}

test('a call, its output and its result refer to each other', () => {
  const { recorder, queue } = start();
  recorder.userMessage('echo hi');
  const call = recorder.toolCall('run_command', { command: 'echo hi' });
  call.output('stdout', Buffer.from('hi\n'));
  call.result('completed', { exit_code: 0 });
  expect(queue.batch()).toMatchObject([
    { index: 0, type: 'user_message', text: 'echo hi' },
    { index: 1, type: 'tool_call', tool: 'run_command' },
    { index: 2, type: 'delta', extends: 1, stream: 'stdout', text: 'hi\n' },
    { index: 3, type: 'tool_result', call: 1, state: 'completed', output: { exit_code: 0 } },
  ]);
});

test('a character that is split over two chunks arrives whole, on each stream by itself', () => {
  const { recorder, textOf } = start();
  const call = recorder.toolCall('run_command', {});
  const [out, err] = [Buffer.from('✓'), Buffer.from('é')];
  call.output('stdout', out.subarray(0, 2));
  call.output('stderr', err.subarray(0, 1));
  call.output('stdout', out.subarray(2));
  call.output('stderr', err.subarray(1));
  call.result('completed', {});
  expect(textOf('stdout')).toBe('✓');
  expect(textOf('stderr')).toBe('é');
});

test('half a character at the end, and the character NUL, become a replacement character', () => {
  const { recorder, textOf } = start();
  const call = recorder.toolCall('run_command', {});
  call.output('stdout', Buffer.from('a\0b'));
  call.output('stdout', Buffer.from('✓').subarray(0, 2));
  call.result('completed', {});
  expect(textOf('stdout')).toBe('a\u{FFFD}b\u{FFFD}');
});

test('long text is continued in deltas, never cut inside a character', () => {
  const { recorder, queue } = start();
  const text = `x${'😀'.repeat(maxEntryText)}`;
  recorder.userMessage(text);
  const texts = queue.batch().map((entry) => ('text' in entry ? entry.text : ''));
  expect(texts.join('')).toBe(text);
  expect(texts.every((piece) => piece.length <= maxEntryText && piece.isWellFormed())).toBe(true);
  expect(queue.batch()[1]).toMatchObject({ type: 'delta', extends: 0 });
});

test('output beyond 16 MiB is dropped, and said to be, once', () => {
  const { recorder, queue } = start();
  const call = recorder.toolCall('run_command', {});
  const mebibyte = Buffer.alloc(1_048_576, 'x');
  call.output('stderr', Buffer.from('x'));
  for (let count = 0; count < 18; count += 1) call.output('stdout', mebibyte);
  call.result('completed', { exit_code: 0 });
  expect(queue.textLength()).toBe(16 * 1_048_576);
  while (queue.batch().at(-1)?.type === 'delta') queue.acknowledge((queue.batch().at(-1)?.index ?? 0) + 1);
  expect(queue.batch().slice(-2)).toMatchObject([
    { type: 'event', name: 'output_truncated', data: { limit_bytes: 16 * 1_048_576 } },
    { type: 'tool_result' },
  ]);
});
