import { sleep } from '../common/clock.ts';
import type { ProcessTools } from './process-tools.ts';
import { closeRecord, readBeginning } from './record.ts';
import type { RecordedProcess } from './recorded-process.ts';
import { watchRecorded } from './watch-recorded.ts';
import { isMarked } from './end-strays.ts';

/** How often to look whether a beginning has been written, in milliseconds. */
const pollPeriod = 20;

/**
 * Takes over a command that an earlier life of this program started, whether it runs or has ended meanwhile. Undefined:
 * it never began, and from now on it never will. `markers` are as those of `endTree`.
 */
export async function adoptRecorded(
  record: string,
  markers: readonly string[],
  tools: ProcessTools,
): Promise<RecordedProcess | undefined> {
  for (;;) {
    const beginning = readBeginning(record);
    if (typeof beginning === 'object') return watchRecorded(record, beginning, tools);
    if (beginning === 'closed' || (beginning === 'absent' && (await closeRecord(record)))) return undefined;
    // Somebody has begun to write it. If nobody is there any more, it was killed before there was anything to run.
    if (beginning === 'unwritten' && !(await isAnybodyMarked(markers, tools))) return undefined;
    await sleep(tools.clock, pollPeriod);
  }
}

async function isAnybodyMarked(markers: readonly string[], { table }: ProcessTools): Promise<boolean> {
  return (await table.snapshot()).some((entry) => isMarked(entry, markers));
}
