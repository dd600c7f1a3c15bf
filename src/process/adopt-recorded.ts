import { sleep } from '../common/clock.ts';
import type { ProcessTools } from './process-tools.ts';
import { closeRecord, isBeforeBoot, readBeginning, unseenBeginning } from './record.ts';
import type { RecordedProcess } from './recorded-process.ts';
import { watchRecorded } from './watch-recorded.ts';
import { isMarked } from './end-strays.ts';

/** How often to look whether a beginning has been written, and for how long, in milliseconds. */
const pollPeriod = 20;
const patience = 5_000;

/**
 * Takes over a command that an earlier life of this program started, whether it runs or has ended meanwhile. Undefined:
 * it never began, and from now on it never will. `markers` are as those of `endTree`.
 */
export async function adoptRecorded(
  record: string,
  markers: readonly string[],
  tools: ProcessTools,
): Promise<RecordedProcess | undefined> {
  for (let waited = 0; ; waited += pollPeriod) {
    const beginning = readBeginning(record);
    if (typeof beginning === 'object') return watchRecorded(record, beginning, tools);
    if (beginning === 'closed' || (beginning === 'absent' && (await closeRecord(record)))) return undefined;
    if (beginning === 'unwritten') {
      // It may have run, and what it wrote not have reached the disk.
      if (isBeforeBoot(record) || waited >= patience) return watchRecorded(record, unseenBeginning, tools);
      // If nobody is there any more, who began to write was killed before there was anything to run.
      if (!(await isAnybodyMarked(markers, tools))) return undefined;
    }
    await sleep(tools.clock, pollPeriod);
  }
}

async function isAnybodyMarked(markers: readonly string[], { table }: ProcessTools): Promise<boolean> {
  return (await table.snapshot()).some((entry) => isMarked(entry, markers));
}
