import { isTerminal } from '../../../src/protocol/states.ts';
import { again, pause, underLoad, type Load } from '../load.ts';
import type { Scenario } from '../scenario.ts';
import type { Revivable, Stage } from '../stage.ts';
import { freeze, seldom } from './faults.ts';

/** Longer than the lease of the stage. */
const pastTheLease = [3_500, 5_000] as const;

export const freezes: readonly Scenario[] = [
  {
    name: 'freeze-daemon',
    breaks: 'SIGSTOP of the daemon past its lease, and SIGCONT',
    share: 30,
    few: 0,
    play: freezing((stage) => stage.random.pick(stage.daemons)),
  },
  {
    name: 'freeze-server',
    breaks: 'SIGSTOP of the server past the lease, and SIGCONT',
    share: 30,
    few: 0,
    play: freezing((stage) => stage.server),
  },
  {
    name: 'freeze-until-lost',
    breaks: 'SIGSTOP of the daemon until its runs are lost; it comes back late',
    share: 20,
    few: 0,
    settings: { server: { OZ_LEASE: '1s', OZ_LOST_AFTER: '3s', OZ_RETRY_AFTER: '3s' } },
    // Most would never end by themselves: somebody has to end them.
    plan: (usual, random) => ({ ...usual, deed: random.pick(['sleep 600', 'sleep 600', ':']) }),
    play: freezeUntilLost,
  },
];

function freezing(whom: (stage: Stage) => Revivable): Scenario['play'] {
  return (stage, load) =>
    underLoad(stage, load, (calm) =>
      again(stage, calm, seldom, () => freeze(whom(stage), stage.random.between(...pastTheLease))),
    );
}

async function freezeUntilLost(stage: Stage, load: Load): Promise<void> {
  const thaw = async (calm: AbortSignal) => {
    do {
      await pause(stage.random.between(1_000, 2_500));
      stage.faults += 1;
      for (const record of stage.records) record.excused.add('ERROR');
      const daemon = stage.random.pick(stage.daemons);
      daemon.signal('SIGSTOP');
      await untilNobodyWorks(stage);
      daemon.signal('SIGCONT');
      // Runs that never end by themselves are left to the next round.
    } while (!calm.aborted || (await anyLives(stage)));
  };
  await underLoad(stage, load, thaw);
}

async function untilNobodyWorks(stage: Stage): Promise<void> {
  for (const { runId } of stage.records.slice()) {
    while ((await stage.client.getRun(runId)).is_sandbox_running) await pause(100);
  }
}

async function anyLives(stage: Stage): Promise<boolean> {
  const runs = await Promise.all(stage.records.map(({ runId }) => stage.client.getRun(runId)));
  return runs.some(({ state }) => !isTerminal(state));
}
