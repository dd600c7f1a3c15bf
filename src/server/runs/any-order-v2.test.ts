import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeDaemon } from '../../../test/helpers/fake-daemon.ts';
import { randomFrom } from '../../../test/helpers/random.ts';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import { CodedError } from '../../protocol/errors.ts';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

/** Takes one outcome for each execution that has begun, whatever is repeated, and says which were accepted. */
async function report(runId: RunId, daemon: FakeDaemon, accepted: Map<RunId, string[]>): Promise<void> {
  const executionId = daemon.executionOf(runId);
  const execution = await core.database.db
    .selectFrom('executions')
    .select(['id', 'fence', 'outcome_turn'])
    .where('id', '=', (executionId ?? null) as ExecutionId | null)
    .executeTakeFirst();
  if (execution === undefined) return;
  const { id, fence } = execution;
  const agent = { kind: 'agent', runId, executionId: id, fence, teamId: core.key.teamId } as const;
  try {
    await core.runs.service.reportTurn(agent, 1, { state: 'INPROGRESS' });
    await core.runs.service.reportTurn(agent, 1, { state: 'SUCCEEDED' });
    accepted.set(runId, [...(accepted.get(runId) ?? []), id]);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
}

test.each([1, 2, 3, 4, 5, 6])(
  'acknowledgements lost, words repeated and connections cut in any order cost no outcome and double none (seed %i)',
  async (seed) => {
    const from = randomFrom(seed);
    const random = (below: number) => Math.floor(from() * below);
    let isLossy = true;
    const daemons = [1, 2].map(
      () => new FakeDaemon(core, { instanceId: randomUUID(), room: 3, loses: () => isLossy && random(4) === 0 }),
    );
    await Promise.all(daemons.map((daemon) => daemon.connect()));
    const runs = await Promise.all(Array.from({ length: 8 }, () => core.create({ config: { max_attempts: 2 } })));
    const accepted = new Map<RunId, string[]>();
    for (let round = 0; round < 40; round++) {
      const daemon = daemons[random(daemons.length)] as FakeDaemon;
      const runId = daemon.tasks()[random(Math.max(1, daemon.tasks().length))];
      const what = random(5);
      if (what === 0) await daemon.reconnect();
      else if (what === 1) daemon.repeat();
      else if (what === 2) core.clock.advance(3_000);
      else if (what === 3 && runId) await report(runId, daemon, accepted);
      else if (runId) daemon.end(runId);
      await daemon.settled();
      expect(await mostLive()).toBeLessThanOrEqual(1);
    }
    for (let left = 0; left < 200 && (await live()) > 0; left++) {
      for (const daemon of daemons) {
        await daemon.reconnect();
        for (const runId of daemon.tasks()) {
          await report(runId, daemon, accepted);
          daemon.end(runId);
        }
        await daemon.settled();
      }
      core.clock.advance(5_000);
    }
    isLossy = false;
    for (const daemon of daemons) {
      daemon.repeat();
      await daemon.settled();
    }
    for (const runId of runs) {
      const taken = new Set(accepted.get(runId));
      expect(taken.size).toBeLessThanOrEqual(1);
      expect(await core.state(runId)).toBe(taken.size === 1 ? 'SUCCEEDED' : 'ERROR');
    }
    expect(daemons.map((daemon) => daemon.unacknowledged())).toEqual([0, 0]);
  },
);

async function live(): Promise<number> {
  const { rows } = await core.database.pool.query<{ count: number }>(
    `select count(*)::int as count from runs where state not in ('SUCCEEDED', 'FAILED', 'ERROR', 'CANCELLED')`,
  );
  return rows[0]?.count ?? 0;
}

async function mostLive(): Promise<number> {
  const { rows } = await core.database.pool.query<{ live: number }>(
    `select count(*)::int as live from executions where state not in ('ended', 'lost', 'withdrawn') group by run_id
     order by 1 desc limit 1`,
  );
  return rows[0]?.live ?? 0;
}
