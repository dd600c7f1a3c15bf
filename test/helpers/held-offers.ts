import { expect } from 'vitest';
import type { RunId } from '../../src/protocol/ids.ts';
import type { RunCore } from './run-core.ts';

/** Lets offers lock their runs, but none be committed, while `during` runs. */
export async function withOffersHeldUp({ database }: RunCore, during: () => Promise<unknown>): Promise<void> {
  await database.db.transaction().execute(async (transaction) => {
    await transaction.selectFrom('api_keys').select('id').forUpdate().execute();
    await during();
  });
}

/** Resolves when the run is being offered. */
export async function untilOffering({ database }: RunCore, runId: RunId): Promise<void> {
  const unlocked = () =>
    database.db.selectFrom('runs').select('id').where('id', '=', runId).forUpdate().skipLocked().execute();
  await expect.poll(unlocked, { interval: 5 }).toEqual([]);
}
