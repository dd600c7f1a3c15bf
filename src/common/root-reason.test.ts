import { expect, test } from 'vitest';
import { rootReason } from './root-reason.ts';

test('of a connection that failed at every address, the first failure is told', () => {
  const failures = [new Error('connect ECONNREFUSED ::1:9'), new Error('connect ECONNREFUSED 127.0.0.1:9')];
  const error = new TypeError('fetch failed', { cause: new AggregateError(failures) });
  expect(rootReason(error)).toBe('connect ECONNREFUSED ::1:9');
  expect(rootReason(new AggregateError(failures))).toBe('connect ECONNREFUSED ::1:9');
});

test('what is no error is told as it is', () => {
  expect(rootReason('gone')).toBe('gone');
});
