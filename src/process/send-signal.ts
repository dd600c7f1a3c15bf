import { existsSync } from 'node:fs';

/**
 * Signals a process, or with a negative number the group that it leads; 0 only asks. False when nobody is there. True also
 * where whoever is there runs as somebody else, whom only they can end.
 */
export function sendSignal(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return false;
    if (code === 'EPERM') return true;
    throw error;
  }
}

/** The same for what is left of the group of a leader that has ended. */
export function signalLeft(leader: number, signal: NodeJS.Signals): boolean {
  // The kernel gives a number away again only once its whole group is gone; whoever bears it then is not ours.
  return !existsSync(`/proc/${leader}`) && sendSignal(-leader, signal);
}
