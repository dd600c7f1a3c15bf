import { expect, test } from 'vitest';
import { openContainments, reopenContainment } from './containments.ts';

test('without a containment, a limit is refused and not forgotten', async () => {
  await expect(openContainments({ choice: 'environment', limits: { memory: 1 } })).rejects.toThrow(/memory/i);
  await expect(openContainments({ choice: 'environment', limits: { processes: 1 } })).rejects.toThrow(/processes/);
});

test('the environment alone holds nobody', async () => {
  const containments = await openContainments({ choice: 'environment', limits: {} });
  const made = await containments.make('any', {});
  expect(reopenContainment(made.state).kind).toBe('environment');
  expect(await made.survivors()).toEqual([]);
});
