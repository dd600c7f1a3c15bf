import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { aborted } from '../../../src/common/aborted.ts';
import { again, pause, underLoad } from '../load.ts';
import { traces } from '../run-script.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { breakLine, longer, rarely } from './faults.ts';

/** The line between daemon, agents and server, broken in each direction and at each moment that counts. */
export const lines: readonly Scenario[] = [
  scenario('line-claim', 'the line, when a run has just been offered', ({ line }, calm) =>
    Promise.race([line.passed('down', 'task_assignment'), aborted(calm)]),
  ),
  scenario('line-output', 'the line, at any moment', () => Promise.resolve()),
  scenario('line-completion', 'the line, when a script has just ended', untilSomeScriptEnds),
];

function scenario(name: string, breaks: string, moment: (stage: Stage, calm: AbortSignal) => Promise<void>): Scenario {
  return {
    name,
    breaks,
    share: 60,
    few: name === 'line-output' ? 0 : 5,
    plan: longer,
    play: (stage, load) =>
      underLoad(stage, load, (calm) =>
        again(stage, calm, rarely, async () => {
          await moment(stage, calm);
          await breakLine(stage);
        }),
      ),
  };
}

async function untilSomeScriptEnds({ out, random }: Stage, calm: AbortSignal): Promise<void> {
  const before = await sizeOf(join(out, traces.ended));
  while (!calm.aborted && (await sizeOf(join(out, traces.ended))) === before) await pause(10, calm);
  await pause(random.between(0, 80), calm);
}

async function sizeOf(file: string): Promise<number> {
  // Nothing has ended yet.
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
