import { again, underLoad } from '../load.ts';
import type { Scenario } from '../scenario.ts';
import { breakLine, freeze, killAgent, killDaemon, killPostgres, killServer, seldom, type Fault } from './faults.ts';

const faults: Fault[] = [
  killDaemon,
  killAgent,
  killServer,
  killPostgres,
  breakLine,
  (stage) => freeze(stage.random.pick([stage.server, ...stage.daemons]), stage.random.between(500, 4_000)),
];

/** All of it at once: what is broken while something else is broken. */
export const storm: Scenario = {
  name: 'storm',
  breaks: 'everything, several things at a time, under two daemons',
  share: 100,
  few: 0,
  settings: { daemons: 2 },
  play: (stage, load) =>
    underLoad(stage, load, async (calm) => {
      const failure = new AbortController();
      const over = AbortSignal.any([calm, failure.signal]);
      const one = () => again(stage, over, seldom, () => stage.random.pick(faults)(stage));
      // Where one fails, the other comes to its end first: it may just be starting something again.
      const both = [one(), one()].map((each) => each.finally(() => failure.abort()));
      await Promise.allSettled(both);
      await Promise.all(both);
    }),
};
