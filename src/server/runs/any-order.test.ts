import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FakeWorker } from '../../../test/helpers/fake-worker.ts';
import { randomFrom } from '../../../test/helpers/random.ts';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import { CodedError } from '../../protocol/errors.ts';
import type { RunId } from '../../protocol/ids.ts';
import { runMoves, type RunState } from '../../protocol/states.ts';
import type { RunEventData } from './run-events.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore({ runTimeLimit: 60_000 });
});
afterEach(() => core.close());

type Step = (worker: FakeWorker, runId: RunId) => unknown;

const steps: Step[] = [
  (worker, runId) => worker.claim(runId),
  (worker, runId) => worker.reject(runId),
  (worker, runId) => worker.complete(runId),
  (worker, runId) => worker.complete(runId, 'CANCELLED'),
  (worker, runId) => worker.fail(runId, { failure_reason: 'agent_invocation', exit_code: 1 }),
  (_worker, runId) => tolerant(core.runs.service.cancel(core.key, runId)),
  (_worker, runId) => byAgent(runId, 'INPROGRESS'),
  (_worker, runId) => byAgent(runId, 'BLOCKED'),
  (_worker, runId) => byAgent(runId, 'SUCCEEDED'),
  (_worker, runId) => byAgent(runId, 'FAILED'),
  () => core.clock.advance(6_000),
];

async function byAgent(runId: RunId, state: 'INPROGRESS' | 'BLOCKED' | 'SUCCEEDED' | 'FAILED'): Promise<void> {
  const executions = core.database.db.selectFrom('executions').select(['id', 'fence']).where('run_id', '=', runId);
  for (const { id, fence } of await executions.execute()) {
    const agent = { kind: 'agent', runId, executionId: id, fence, teamId: core.key.teamId } as const;
    await tolerant(core.runs.service.reportTurn(agent, 1, { state }));
  }
}

/** Refusals are part of the game; anything else is not. */
async function tolerant(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!(error instanceof CodedError)) throw error;
  });
}

test.each([1, 2, 3, 4, 5, 6])(
  'whatever is said in whatever order, a run moves as it may and has one live execution at most (seed %i)',
  async (seed) => {
    const from = randomFrom(seed);
    const random = (below: number) => Math.floor(from() * below);
    const workers = [await core.worker(), await core.worker(), await core.worker({ workerId: 'other' })];
    const runs = await Promise.all(Array.from({ length: 6 }, () => core.create()));
    for (let round = 0; round < 25; round++) {
      const atOnce = Array.from({ length: 4 }, () => {
        const worker = workers[random(workers.length)] as FakeWorker;
        return steps[random(steps.length)]?.(worker, runs[random(runs.length)] as RunId);
      });
      await Promise.all(atOnce);
      await Promise.all(workers.map((worker) => worker.ping()));
      expect(await mostLiveExecutions()).toBeLessThanOrEqual(1);
    }
    for (const runId of runs) expect(illegalMoves(await statesOf(runId))).toEqual([]);
  },
);

async function mostLiveExecutions(): Promise<number> {
  const { rows } = await core.database.pool.query<{ live: number }>(
    `select count(*)::int as live from executions where state not in ('ended', 'lost', 'withdrawn') group by run_id
     order by 1 desc limit 1`,
  );
  return rows[0]?.live ?? 0;
}

async function statesOf(runId: RunId): Promise<RunState[]> {
  const events = await core.database.db
    .selectFrom('events')
    .select('data')
    .where('run_id', '=', runId)
    .orderBy('sequence')
    .execute();
  return events.flatMap(({ data }) => ('state' in data ? [(data as unknown as RunEventData).state] : []));
}

function illegalMoves(states: RunState[]): string[] {
  return states.flatMap((to, place) => {
    const from = states[place - 1];
    return from === undefined || runMoves[from].includes(to) ? [] : [`${from} → ${to}`];
  });
}
