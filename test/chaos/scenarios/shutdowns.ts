import { aborted } from '../../../src/common/aborted.ts';
import { again, underLoad } from '../load.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { killAgent, killDaemon, often, seldom, type Fault } from './faults.ts';

/** Daemons that are asked to stop while runs are offered and under way, and several of them on one host. */
export const shutdowns: readonly Scenario[] = [
  {
    name: 'drain',
    breaks: 'a daemon drained while runs are offered, its twin going on',
    share: 60,
    few: 5,
    settings: { daemons: 2, worker: ['on_shutdown: drain'] },
    play: (stage, load) =>
      underLoad(stage, load, (calm) =>
        again(stage, calm, often, async () => {
          await Promise.race([stage.line.passed('down', 'task_assignment'), aborted(calm)]);
          await restart(stage);
        }),
      ),
  },
  {
    name: 'upgrade',
    breaks: 'a daemon stopped and started again, its tasks running on',
    share: 60,
    few: 0,
    play: (stage, load) => underLoad(stage, load, (calm) => again(stage, calm, seldom, () => restart(stage))),
  },
  {
    name: 'shutdown-cancel',
    breaks: 'a daemon stopped with all its tasks',
    share: 30,
    few: 0,
    settings: { worker: ['on_shutdown: cancel'] },
    play: (stage, load) =>
      underLoad(stage, load, (calm) =>
        again(stage, calm, seldom, async () => {
          for (const record of stage.records) record.excused.add('ERROR');
          await restart(stage);
        }),
      ),
  },
  twins('twins-killed', 'two daemons of one id in the same folders, SIGKILL of either', 8, killDaemon),
  twins('twins-agents', 'two daemons of one id in the same folders, SIGKILL of agents', 0, killAgent),
];

function twins(name: string, breaks: string, few: number, fault: Fault): Scenario {
  return {
    name,
    breaks,
    share: 40,
    few,
    settings: { daemons: 2 },
    play: (stage, load) => underLoad(stage, load, (calm) => again(stage, calm, seldom, () => fault(stage))),
  };
}

/** As a service manager does it, with the patience of one. */
async function restart(stage: Stage): Promise<void> {
  const daemon = stage.random.pick(stage.daemons);
  daemon.signal('SIGTERM');
  await daemon.ended();
  await daemon.revive();
}
