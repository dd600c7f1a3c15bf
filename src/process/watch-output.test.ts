import { expect, test, vi } from 'vitest';
import { createManualClock } from '../../test/helpers/manual-clock.ts';
import { outputHolds, processTools, startScript } from '../../test/helpers/recorded.ts';
import { watchOutput } from './watch-output.ts';

test('an output that grows too long is told once, as soon as it does', async () => {
  const { output } = await startScript(
    'printf 12345; read x < go; while :; do printf 678; sleep 0.01; done & mkfifo go',
    {
      until: '12345',
    },
  );
  expect(output).toBeDefined();
  const exceeded = vi.fn<() => void>();
  const stop = watchOutput(output, 5, exceeded, processTools.clock);
  await vi.waitFor(() => expect(exceeded).toHaveBeenCalled());
  await outputHolds(output, '678678678');
  expect(exceeded).toHaveBeenCalledTimes(1);
  stop();
});

test('an output of just its limit is none too long, also where only the poll looks', async () => {
  const { output } = await startScript('printf 12345', { until: '12345' });
  const exceeded = vi.fn<() => void>();
  const clock = createManualClock();
  const stop = watchOutput(output, 5, exceeded, clock);
  clock.advance(2_000);
  expect(exceeded).not.toHaveBeenCalled();
  stop();
  const stopSmaller = watchOutput(output, 4, exceeded, clock);
  clock.advance(2_000);
  expect(exceeded).toHaveBeenCalledTimes(1);
  stopSmaller();
});
