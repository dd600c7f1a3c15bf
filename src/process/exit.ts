import { constants } from 'node:os';

/** How a process ended: by a code, by a signal, or, when both are null, in a way that nobody was there to see. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The exit code as shells count it, 128 + signal for a killed process; undefined where none is known. */
export function exitCodeOf({ code, signal }: Exit): number | undefined {
  return signal === null ? (code ?? undefined) : 128 + constants.signals[signal];
}

/** "exited with code 3", "was killed by SIGTERM" or "ended without an exit code". */
export function describeExit({ code, signal }: Exit): string {
  if (signal !== null) return `was killed by ${signal}`;
  return code === null ? 'ended without an exit code' : `exited with code ${code}`;
}

/** The reverse of `exitCodeOf`. A program that ends with such a code of its own accord is not told from a killed one. */
export function exitOf(code: number): Exit {
  const signal = signalNames.get(code - 128);
  return signal === undefined ? { code, signal: null } : { code: null, signal };
}

/** Of several names for a number the first one counts: SIGABRT, not SIGIOT. */
const signalNames = new Map<number, NodeJS.Signals>(
  Object.entries(constants.signals)
    .map(([name, number]) => [number, name as NodeJS.Signals] as const)
    .toReversed(),
);
