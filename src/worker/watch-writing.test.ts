import { expect, test, vi } from 'vitest';
import { createManualClock } from '../../test/helpers/manual-clock.ts';
import { watchWriting } from './watch-writing.ts';

const full = () => Object.assign(new Error('no space'), { code: 'ENOSPC' });

test('what could not be written down is tried again until it can be, and no longer', async () => {
  const clock = createManualClock();
  const tryOut = vi.fn<() => Promise<void>>().mockRejectedValueOnce(full()).mockResolvedValue(undefined);
  const told: unknown[] = [];
  const writing = watchWriting({ tryOut }, clock, () => told.push(writing.problem()));
  const problem = 'the disk of its state folder is full';
  expect(writing.failed(full())).toBe(problem);
  for (let second = 0; second < 5; second++) {
    clock.advance(1_000);
    await vi.waitFor(() => expect(told).toHaveLength(Math.min(second + 2, 3)));
  }
  expect(told).toEqual([problem, problem, undefined]);
  expect(tryOut).toHaveBeenCalledTimes(2);
});

test('one that is stopped tries no more, also when it was just trying', async () => {
  const clock = createManualClock();
  const trial = Promise.withResolvers<void>();
  const tryOut = vi.fn<() => Promise<void>>().mockReturnValue(trial.promise);
  const writing = watchWriting({ tryOut }, clock, () => undefined);
  writing.failed(new Error('x'.repeat(1_000)));
  expect(writing.problem()).toHaveLength(500);
  clock.advance(1_000);
  writing.stop();
  trial.reject(full());
  await vi.waitFor(() => expect(writing.problem()).toContain('disk'));
  clock.advance(10_000);
  expect(tryOut).toHaveBeenCalledOnce();
});
