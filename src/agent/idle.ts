import { sleep, type Clock } from '../common/clock.ts';
import type { ReportTurn } from '../protocol/agent-calls.ts';
import type { RunItem } from '../protocol/runs.ts';

/**
 * How long the agent waits for a follow-up after its turn, in milliseconds; undefined is not at all. A script has nothing
 * to be asked further, so that the run itself must say that it is to wait, not the worker's setting for all its tasks.
 */
export function idleTimeAfter(outcome: ReportTurn, { agent_config: config }: RunItem): number | undefined {
  const minutes = outcome.state === 'SUCCEEDED' ? config.idle_timeout_minutes : undefined;
  return minutes === undefined ? undefined : minutes * 60_000;
}

/** Waits until the time is up, or until the worker asks for the slot: that is no failure, for nothing is being done. */
export async function idle(time: number, { clock, stop }: { clock: Clock; stop: AbortSignal }): Promise<void> {
  await sleep(clock, time, stop).catch(() => undefined);
}
