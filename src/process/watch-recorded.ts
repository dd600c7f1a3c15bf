import { lookOnChange } from '../common/look-on-change.ts';
import type { Exit } from './exit.ts';
import type { ProcessTools } from './process-tools.ts';
import { isAlive, readExit, type Beginning } from './record.ts';
import type { RecordedProcess } from './recorded-process.ts';
import { sendSignal } from './send-signal.ts';
import { signalGroup } from './signal-group.ts';

/** How long the end of a command whose shim was killed may stay unnoticed, in milliseconds. */
const pollPeriod = 1_000;

/** A command that has begun, seen through its record and the machine's process numbers. */
export function watchRecorded(record: string, { shim, command, bootId }: Beginning, tools: ProcessTools) {
  const { promise: exited, resolve } = Promise.withResolvers<Exit>();
  let exit: Exit | undefined;
  const look = () => {
    exit ??= readExit(record) ?? endUnseen();
    if (exit === undefined) return;
    stopLooking();
    resolve(exit);
  };
  const endUnseen = () => {
    if (isAlive(command, bootId)) return undefined;
    // It is about to write the code, unless somebody has stopped it.
    if (isAlive(shim, bootId) && sendSignal(shim.pid, 'SIGCONT')) return undefined;
    // Both may have ended since the record was read.
    return readExit(record) ?? { code: null, signal: null };
  };
  const stopLooking = lookOnChange(record, pollPeriod, look, tools.clock);
  look();
  const recorded: RecordedProcess = {
    record,
    pid: command.pid,
    exited,
    hasExited() {
      look();
      return exit !== undefined;
    },
    signalGroup: (signal) => signalGroup(command, bootId, signal),
    release: stopLooking,
  };
  return recorded;
}
