import { readFileSync } from 'node:fs';
import { parseProcStat } from './proc-stat.ts';
import type { ProcessIdentity } from './process-table.ts';
import { currentBootId } from './record.ts';

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
  return send(-leader.pid, signal) || (bearer?.hasEnded === false && send(leader.pid, signal));
}

function bearerOf(pid: number) {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    // No such process.
    return undefined;
  }
}

function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return false;
    // What is left of the group runs as somebody else, whom only they can end.
    if (code === 'EPERM') return true;
    throw error;
  }
}
