import { systemClock } from '../../../src/common/clock.ts';
import type { ContainmentKind } from '../../../src/process/containment.ts';
import { openContainments } from '../../../src/process/containments.ts';
import { createProcessTable } from '../../../src/process/process-table.ts';
import { again, cancel, pause, underLoad, type Load } from '../load.ts';
import { signIn, traces, type RunPlan } from '../run-script.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { killDaemon, seldom } from './faults.ts';

/** Processes that do everything to outlive their run, under each containment that this machine has. */
export const orphans: readonly Scenario[] = [
  scenario('orphans-cgroup', 'cgroup', ['clean', 'holding', 'forking']),
  scenario('orphans-pid-namespace', 'pid_namespace', ['clean', 'holding', 'forking']),
  // Whoever clears its environment is beyond this one's reach.
  scenario('orphans-environment', 'environment', ['holding', 'forking']),
];

/** Each leaves a process that signs in, shrugs off what asks it to end, and has lost its parent. */
const deeds = {
  clean: '(env -i CHAOS=$CHAOS NUMBER=$NUMBER setsid /bin/sh $CHAOS/orphan > /dev/null 2>&1 &)',
  /** Holds the agent's output open after the script's end. */
  holding: '(CHAOS=$CHAOS NUMBER=$NUMBER setsid /bin/sh $CHAOS/orphan &)',
  forking: 'for n in 1 2 3; do (CHAOS=$CHAOS NUMBER=$NUMBER setsid /bin/sh $CHAOS/orphan > /dev/null 2>&1 &); done',
};

const orphan = `cd /\n${signIn}\ntrap '' TERM HUP INT\nexec sleep 600\n`;

function scenario(name: string, containment: ContainmentKind, kinds: (keyof typeof deeds)[]): Scenario {
  return {
    name,
    breaks: `processes that leave their run, contained by ${containment}`,
    share: 30,
    few: 5,
    settings: { direct: [`containment: ${containment}`] },
    lacks: () => whyNot(containment),
    plan: (usual, random): RunPlan => ({ ...usual, deed: deeds[random.pick(kinds)] }),
    play: playOrphans,
  };
}

async function whyNot(choice: ContainmentKind): Promise<string | undefined> {
  const tools = { table: createProcessTable(), clock: systemClock };
  return openContainments({ choice, limits: {} }, tools).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

/** Some of the runs are cancelled, and the daemon dies under others. */
async function playOrphans(stage: Stage, load: Load): Promise<void> {
  await stage.host.file(`out/orphan`, orphan);
  const chance = stage.random.branch('cancels');
  const cancels: Promise<void>[] = [];
  const onAcknowledged: Load['onAcknowledged'] = (record) => {
    if (chance.fraction() < 0.3) cancels.push(pause(chance.between(0, 1_500)).then(() => cancel(stage, record)));
  };
  await underLoad(stage, { ...load, onAcknowledged }, (calm) => again(stage, calm, seldom, () => killDaemon(stage)));
  await Promise.all(cancels);
}

export const cancels: Scenario = {
  name: 'cancels',
  breaks: 'cancels at any moment, the daemon killed under them',
  share: 60,
  few: 0,
  plan: (usual) => ({ ...usual, deed: `sleep 5; : ${traces.ended}` }),
  play: playOrphans,
};
