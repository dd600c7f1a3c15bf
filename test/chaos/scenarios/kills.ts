import { again, underLoad } from '../load.ts';
import type { Scenario } from '../scenario.ts';
import {
  killAgent,
  killDaemon,
  killPostgres,
  killServer,
  longer,
  often,
  rarely,
  seldom,
  type Fault,
} from './faults.ts';

/** SIGKILL at random moments, a thousand runs in all. */
export const kills: readonly Scenario[] = [
  scenario('kill-daemon', 'SIGKILL of the daemon, started again', 250, seldom, killDaemon),
  scenario('kill-agent', 'SIGKILL of an agent', 250, often, killAgent),
  scenario('kill-server', 'SIGKILL of the server, started again', 200, rarely, killServer),
  scenario('kill-postgres', 'SIGKILL of Postgres under the server', 150, seldom, killPostgres),
  scenario('kill-any', 'SIGKILL of whatever chance picks', 150, rarely, (stage) =>
    stage.random.pick([killDaemon, killAgent, killServer, killPostgres])(stage),
  ),
];

function scenario(
  name: string,
  breaks: string,
  share: number,
  pauses: readonly [number, number],
  fault: Fault,
): Scenario {
  return {
    name,
    breaks,
    share,
    // The others take longer than a test should.
    few: ['kill-daemon', 'kill-agent'].includes(name) ? 6 : 0,
    // A server is killed so seldom that short runs would see little of it.
    ...(pauses === rarely ? { plan: longer } : {}),
    play: (stage, load) => underLoad(stage, load, (calm) => again(stage, calm, pauses, () => fault(stage))),
  };
}
