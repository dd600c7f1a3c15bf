import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lossesOf, perform, type Scenario } from './scenario.ts';

/** The same faults in every run of the tests. */
const seed = 20_261;

/** `npm run chaos` in short: the same scenarios, a few runs of each. One that this machine cannot play is skipped. */
export async function playShort(scenarios: readonly Scenario[]): Promise<void> {
  const played = scenarios.filter(({ few }) => few > 0);
  const lacks = new Map(await Promise.all(played.map(async (one) => [one, await one.lacks?.()] as const)));
  describe('Nothing is lost, doubled, untrue or left behind', () => {
    for (const [scenario, lack] of lacks) {
      const because = lack === undefined ? '' : ` (skipped: ${lack})`;
      test.skipIf(lack !== undefined)(
        `${scenario.name}: ${scenario.breaks}${because}`,
        { timeout: 150_000 },
        async () => {
          const logs = join(tmpdir(), 'oz-chaos-logs');
          const verdict = await perform(scenario, { seed, runs: scenario.few, logs });
          expect(verdict.acknowledged).toBe(scenario.few);
          expect(lossesOf(verdict)).toEqual([]);
        },
      );
    }
  });
}
