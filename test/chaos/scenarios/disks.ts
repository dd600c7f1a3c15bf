import { writeFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { again, pause, underLoad } from '../load.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { whyNoMounts } from '../tmpfs.ts';
import { seldom } from './faults.ts';

/** File systems of a few megabytes that run full, under the daemon's journal or under the tasks. */
export const disks: readonly Scenario[] = [
  {
    name: 'disk-state',
    breaks: 'the state folder, full for a moment',
    share: 40,
    few: 5,
    settings: { disks: { state: '8m' } },
    lacks: whyNoMounts,
    // What an agent prints into a full disk is gone; its transcript is not.
    mayLoseConsole: true,
    play: (stage, load) =>
      underLoad(stage, load, (calm) =>
        again(stage, calm, seldom, () => fillForAMoment(stage, stage.host.path('state'))),
      ),
  },
  {
    name: 'disk-workspaces',
    breaks: 'the workspaces, filled by the tasks themselves',
    share: 40,
    few: 5,
    settings: { disks: { workspaces: '2m' } },
    lacks: whyNoMounts,
    plan: (usual, random) => ({
      ...usual,
      deed: random.pick(['dd if=/dev/zero of=full bs=64k count=64 2> /dev/null; sleep 0.3', ':']),
    }),
    async play(stage, load) {
      // Where no workspace can be made, saying so is the truth.
      await underLoad(stage, { ...load, onAcknowledged: ({ excused }) => excused.add('ERROR') }, () =>
        Promise.resolve(),
      );
    },
  },
];

async function fillForAMoment({ random, records }: Stage, folder: string): Promise<void> {
  // Whoever ran or came while it was full may have ended because of that.
  const excuse = () => records.forEach(({ excused }) => excused.add('ERROR'));
  excuse();
  const ballast = join(folder, 'ballast');
  // It takes what there is: the disk is full when this fails.
  await writeFile(ballast, Buffer.alloc(64 * 1024 * 1024)).catch(() => undefined);
  await pause(random.between(100, 800));
  await rm(ballast, { force: true });
  excuse();
}
