import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { lookOnChange } from '../common/look-on-change.ts';
import type { Containment } from './containment.ts';
import { requireProgram } from './find-program.ts';
import type { ProcessTools } from './process-tools.ts';
import { readBeginning, reserveExit, type Beginning } from './record.ts';
import type { RecordedCommand, RecordedProcess } from './recorded-process.ts';
import { signalLeft } from './send-signal.ts';
import { hasShim, spawnShim } from './shim.ts';
import { startUnshimmed } from './start-unshimmed.ts';
import { watchRecorded } from './watch-recorded.ts';

/** The command was not executed; nothing keeps it from being started anew, with another record. */
export class NotBegunError extends Error {}

/**
 * Starts a command in its containment, with nothing but its own environment, `/dev/null` as its input and a file as its
 * output, and returns once it is recorded who runs it. This program's death does not end it, and loses nothing of it.
 * Rejects when it cannot be started; then nothing of it runs.
 */
export async function startRecorded(command: RecordedCommand, containment: Containment, tools: ProcessTools) {
  // At once: to start a process holds this one up for longer than its files do.
  requireStartable(command);
  reserveExit(command.record);
  if (!hasShim()) return startUnshimmed(command);
  const entry = await containment.enter();
  return watchShim(spawnShim(command, entry), command, tools);
}

/** What the shim could tell by a code that means something else as well. */
function requireStartable({ directory, through, program, environment }: RecordedCommand): void {
  statSync(directory);
  if (through[0] !== undefined) requireProgram(through[0], environment['PATH']);
  requireProgram(program, environment['PATH']);
}

async function watchShim(shim: ChildProcess, command: RecordedCommand, tools: ProcessTools): Promise<RecordedProcess> {
  const beginning = (await begun(shim, command.record, tools)) ?? endForked(shim, command.record);
  if (beginning === undefined) throw await notBegun(command);
  const recorded = watchRecorded(command.record, beginning, tools);
  // Its end is a reason to look: it may have been killed, and then writes nothing that would be noticed.
  shim.once('exit', () => recorded.hasExited());
  return {
    ...recorded,
    release() {
      recorded.release();
      shim.unref();
    },
  };
}

/** Where no notice comes of a beginning, it is looked for this often, in milliseconds. */
const beginningPoll = 20;

/** Undefined when the shim ended without having begun. */
function begun(shim: ChildProcess, record: string, { clock }: ProcessTools): Promise<Beginning | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Beginning | undefined>();
  const look = () => {
    const beginning = readWhole(record);
    if (beginning !== undefined) resolve(beginning);
  };
  const stopLooking = lookOnChange(record, beginningPoll, look, clock);
  shim.once('error', reject);
  shim.once('exit', () => {
    look();
    resolve(undefined);
  });
  return promise.finally(stopLooking);
}

/** A shim that was killed leaves what it had forked, which would begin yet. Answers what has begun before its end. */
function endForked({ pid = 0 }: ChildProcess, record: string): Beginning | undefined {
  if (pid > 0) signalLeft(pid, 'SIGKILL');
  return readWhole(record);
}

function readWhole(record: string): Beginning | undefined {
  const beginning = readBeginning(record);
  return typeof beginning === 'object' ? beginning : undefined;
}

/** Nothing but the shim has written to the output. */
async function notBegun({ output }: RecordedCommand): Promise<NotBegunError> {
  const words = (await readFile(output, 'utf8')).trim();
  return new NotBegunError(`its shim ended before it began${words && `: ${words}`}`);
}
