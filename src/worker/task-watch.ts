import type { Clock } from '../common/clock.ts';
import type { TaskEndKind } from './journal/entry.ts';

export interface TaskLimits {
  /** When the task has taken too long, in milliseconds since the Unix epoch. */
  deadline: number | undefined;
  /** How long the server may be silent before another attempt may have begun, in milliseconds. */
  fenceAfter: number | undefined;
  /** Whether the silence before now is that of a daemon that was not there to listen. */
  isInherited: boolean;
  /** When the server last said something. */
  lastContact(): number;
}

/** Looking this often keeps to the wall clock, though the machine sleeps or its clock is set. In milliseconds. */
const period = 5_000;
/** A daemon that has just started is not blamed for the silence before it. */
const firstDial = 10_000;

/** Ends a task that has come to one of its limits in time. The returned function ends the watch. */
export function watchTime(limits: TaskLimits, end: (kind: TaskEndKind) => void, clock: Clock): () => void {
  const { deadline = Infinity, fenceAfter = Infinity } = limits;
  const noFenceBefore = limits.isInherited ? clock.now() + firstDial : 0;
  let cancel = () => undefined as void;
  if (deadline === Infinity && fenceAfter === Infinity) return cancel;
  const look = () => {
    const now = clock.now();
    const fence = Math.max(limits.lastContact() + fenceAfter, noFenceBefore);
    if (now >= deadline) end('timeout');
    else if (now >= fence) end('fenced');
    else cancel = clock.after(Math.min(period, deadline - now, fence - now), look);
  };
  look();
  return () => cancel();
}
