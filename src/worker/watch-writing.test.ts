import { expect, test, vi } from 'vitest';
import { createManualClock } from '../../test/helpers/manual-clock.ts';
import { watchWriting } from './watch-writing.ts';

const full = () => Object.assign(new Error('no space'), { code: 'ENOSPC' });
const problem = 'the disk of its state folder is full';

test('what could not be written down is tried again until it can be, and no longer', async () => {
  const clock = createManualClock();
  const tryOut = vi.fn<() => Promise<void>>().mockResolvedValue(undefined);
  for (let trial = 0; trial < 2; trial++) tryOut.mockRejectedValueOnce(full());
  const told: unknown[] = [];
  const writing = watchWriting({ tryOut }, clock, () => told.push(writing.problem()));
  expect(writing.failed(full())).toBe(problem);
  expect(writing.failed(full())).toBe(problem);
  for (let second = 0; second < 5; second++) {
    await vi.waitFor(() => expect(told).toHaveLength(Math.min(second + 1, 3)));
    clock.advance(1_000);
  }
  expect(told).toEqual([problem, problem, undefined]);
  expect(tryOut).toHaveBeenCalledTimes(3);
});

test('one that is stopped tries no more, also when it was just trying', async () => {
  const clock = createManualClock();
  const trial = Promise.withResolvers<void>();
  const tryOut = vi.fn<() => Promise<void>>().mockReturnValue(trial.promise);
  const writing = watchWriting({ tryOut }, clock, () => undefined);
  writing.failed(full());
  writing.stop();
  trial.reject(new Error('x'.repeat(1_000)));
  await vi.waitFor(() => expect(writing.problem()).toHaveLength(500));
  clock.advance(10_000);
  expect(writing.failed(full())).toBe(problem);
  expect(tryOut).toHaveBeenCalledOnce();
});

test('what keeps one task alone from being written down is nobody else’s problem', async () => {
  const told: unknown[] = [];
  const tryOut = () => Promise.resolve();
  const writing = watchWriting({ tryOut }, createManualClock(), () => told.push(writing.problem()));
  expect(writing.failed(new Error('EBUSY: its folder is in use'))).toBe('EBUSY: its folder is in use');
  await vi.waitFor(() => expect(told).toEqual([undefined]));
});
