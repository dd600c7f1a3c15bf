import { expect, test } from 'vitest';
import { formatLogLine } from './log-line.ts';

const time = new Date(2026, 0, 2, 3, 4, 5).getTime();

test('a line is its time, its message and its facts', () => {
  const record = { level: 30, time, name: 'program', task_id: 'x', pids: [1, 2], msg: 'Task claimed' };
  expect(formatLogLine(JSON.stringify(record))).toBe('03:04:05 Task claimed task_id=x pids=[1,2]\n');
});

test('other levels than info are named, and an error shows where it came from', () => {
  const record = { level: 50, time, msg: 'It failed', err: { message: 'no', stack: 'Error: no\n    at here' } };
  expect(formatLogLine(JSON.stringify(record))).toBe('03:04:05 ERROR It failed Error: no\n    at here\n');
});
