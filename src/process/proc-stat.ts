/** What `/proc/<pid>/stat` says of a process. */
export interface ProcStat {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Clock ticks since the machine's start. */
  readonly startTime: string;
  /** It has ended, and only waits to be reaped. */
  readonly hasEnded: boolean;
}

/** Undefined for a text that is none, such as the empty one of a process that is gone. */
export function parseProcStat(text: string): ProcStat | undefined {
  // The second field, the name in brackets, may contain anything; what follows its last bracket is plain.
  const [state = '', parent, group, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTime = rest[16];
  if (startTime === undefined) return undefined;
  return {
    pid: Number.parseInt(text, 10),
    parent: Number(parent),
    group: Number(group),
    startTime,
    hasEnded: 'ZXx'.includes(state),
  };
}
