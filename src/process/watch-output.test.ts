import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock, type Clock } from '../common/clock.ts';
import { createManualClock } from '../../test/helpers/manual-clock.ts';
import { watchOutput } from './watch-output.ts';

test('an output that grows too long is told once, as soon as it does', async () => {
  const { file, exceeded } = await watch(systemClock);
  await writeFile(file, '12345');
  await writeFile(file, '6', { flag: 'a' });
  await vi.waitFor(() => expect(exceeded).toHaveBeenCalled());
  await writeFile(file, '7', { flag: 'a' });
  expect(exceeded).toHaveBeenCalledTimes(1);
});

test('an output of just its limit is none too long, and one that is gone none at all', async () => {
  const clock = createManualClock();
  const { file, exceeded, folder } = await watch(clock);
  await writeFile(file, '12345');
  clock.advance(2_000);
  expect(exceeded).not.toHaveBeenCalled();
  await rm(folder, { recursive: true });
  clock.advance(2_000);
  expect(exceeded).not.toHaveBeenCalled();
});

async function watch(clock: Clock) {
  const folder = await mkdtemp(join(tmpdir(), 'output-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'out');
  const exceeded = vi.fn<() => void>();
  onTestFinished(watchOutput({ folder, file: () => file, limit: 5, onExceeded: exceeded }, clock));
  return { folder, file, exceeded };
}
