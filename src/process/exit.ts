import { constants } from 'node:os';

/** How a process ended: one of the two is set. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The exit code as shells count it: 128 + signal for a killed process. */
export function exitCodeOf({ code, signal }: Exit): number {
  return signal === null ? (code ?? 0) : 128 + constants.signals[signal];
}

/** "exited with code 3" or "was killed by SIGTERM". */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exited with code ${code ?? 0}` : `was killed by ${signal}`;
}
