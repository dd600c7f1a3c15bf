import { readFileSync } from 'node:fs';
import { parseProcStat } from './proc-stat.ts';
import type { ProcessIdentity } from './process-table.ts';
import { currentBootId } from './record.ts';
import { sendSignal } from './send-signal.ts';

/**
 * Signals every process of the group that was led by `leader`, as long as it is the leader's own. False when nobody is
 * left in it.
 */
export function signalGroup(leader: ProcessIdentity, bootId: string, signal: NodeJS.Signals): boolean {
  if (bootId !== currentBootId()) return false;
  const bearer = bearerOf(leader.pid);
  // The kernel gives a number away again only once its whole group is gone; whoever bears it then is not ours.
  if (bearer !== undefined && bearer.startTime !== leader.startTime) return false;
  // Until it has made its session, a moment after it was recorded, it leads no group yet.
  return sendSignal(-leader.pid, signal) || (bearer?.hasEnded === false && sendSignal(leader.pid, signal));
}

function bearerOf(pid: number) {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    // No such process.
    return undefined;
  }
}
