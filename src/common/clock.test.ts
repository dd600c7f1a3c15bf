import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from './clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a delay of months is kept, and can be taken back at any time of it', () => {
  const month = 30 * 24 * 60 * 60_000;
  const run = vi.fn<() => void>();
  systemClock.after(3 * month, run);
  const cancel = systemClock.after(2 * month, run);
  vi.advanceTimersByTime(month);
  cancel();
  vi.advanceTimersByTime(2 * month - 1);
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledOnce();
});
