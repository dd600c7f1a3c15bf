/** What one run is to do, and what of it can be told from outside afterwards. */
export interface RunPlan {
  readonly number: number;
  /** Of its script: 0 must be shown as SUCCEEDED, anything else as FAILED. */
  readonly exitCode: number;
  readonly lines: number;
  /** How long it takes beside its printing, in milliseconds. */
  readonly duration: number;
  /** Shell that it runs in its middle; `$CHAOS` is the folder of the traces, `$NUMBER` its number. */
  readonly deed?: string;
}

/** Files outside every workspace that runs add a line to, so that whatever happened twice is seen twice. */
export const traces = {
  begun: 'begun',
  ended: 'ended',
  setups: 'setups',
  teardowns: 'teardowns',
  processes: 'processes',
};

/**
 * The run's prompt for the `shell` harness: it says that it has begun, who it is, prints half of its lines, does its
 * deed, prints the other half and says how it ended.
 */
export function scriptOf(plan: RunPlan, folder: string): string {
  const half = Math.ceil(plan.lines / 2);
  const pause = `sleep ${(plan.duration / 2000).toFixed(3)}`;
  return [
    `CHAOS=${folder} NUMBER=${plan.number}`,
    `echo $NUMBER >> $CHAOS/${traces.begun}`,
    signIn,
    print(plan.number, 1, half),
    pause,
    plan.deed ?? ':',
    print(plan.number, half + 1, plan.lines),
    pause,
    `echo $NUMBER ${plan.exitCode} $(date +%s%3N) >> $CHAOS/${traces.ended}`,
    `exit ${plan.exitCode}`,
  ].join('\n');
}

/**
 * Number and start time of the shell that runs this: they name its process for ever, whatever it becomes. Needs
 * `CHAOS` and `NUMBER`.
 */
export const signIn = `read -r stat < /proc/$$/stat; echo "$NUMBER $stat" >> $CHAOS/${traces.processes}`;

export function linesOf({ number, lines }: RunPlan): string[] {
  return Array.from({ length: lines }, (_, index) => `run ${number} line ${index + 1}`);
}

/** Whether this line of output is one that a run counts. */
export function isCounted(line: string): boolean {
  return /^run \d+ line \d+$/.test(line);
}

function print(number: number, from: number, to: number): string {
  return `seq -f 'run ${number} line %g' ${from} ${to}`;
}
