import { expect, test, vi } from 'vitest';
import { createManualClock } from '../../test/helpers/manual-clock.ts';
import { environmentContainment } from './containment.ts';
import { watchLimits } from './watch-limits.ts';

test('a limit that is met is told once', async () => {
  const clock = createManualClock();
  const exceeded = vi.fn<() => Promise<'memory' | undefined>>().mockResolvedValue(undefined);
  const told = vi.fn<(limit: string) => void>();
  watchLimits({ ...environmentContainment, exceeded }, told, unexpected, clock);
  await vi.waitFor(() => expect(exceeded).toHaveBeenCalledTimes(1));
  exceeded.mockResolvedValue('memory');
  await vi.waitFor(() => {
    clock.advance(500);
    expect(told).toHaveBeenCalledWith('memory');
  });
  clock.advance(5_000);
  expect(told).toHaveBeenCalledTimes(1);
});

test('after its end nothing is told, and no failure either', async () => {
  const { promise, reject } = Promise.withResolvers<undefined>();
  const watched = { ...environmentContainment, exceeded: () => promise };
  const stop = watchLimits(watched, unexpected, unexpected, createManualClock());
  stop();
  reject(new Error('gone'));
  await expect(promise).rejects.toThrow('gone');
});

test('a limit that cannot be looked at is an error', async () => {
  const failed = vi.fn<(error: unknown) => void>();
  const watched = { ...environmentContainment, exceeded: () => Promise.reject(new Error('gone')) };
  watchLimits(watched, unexpected, failed, createManualClock());
  await vi.waitFor(() => expect(failed).toHaveBeenCalledWith(new Error('gone')));
});

function unexpected(): never {
  expect.unreachable();
}
