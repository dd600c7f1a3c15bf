import { ApiError } from '../../src/client/api-error.ts';
import { sleep, systemClock } from '../../src/common/clock.ts';
import { isTerminal } from '../../src/protocol/states.ts';
import type { RunRecord } from './ledger.ts';
import { scriptOf, type RunPlan } from './run-script.ts';
import { room, workerId, type Stage } from './stage.ts';

/** Between two looks at a run, in milliseconds. */
const interval = 200;

export interface Load {
  readonly plans: readonly RunPlan[];
  /** Called for each run that the server has taken. */
  onAcknowledged?: (record: RunRecord) => void;
}

/**
 * Keeps the daemons full until the last of the runs has been acknowledged, while `breakThings` does its work; then all is
 * calm. Resolves when `calm` has been aborted and the last fault is over, with runs still under way.
 */
export async function underLoad(
  stage: Stage,
  load: Load,
  breakThings: (calm: AbortSignal) => Promise<void>,
): Promise<void> {
  const calm = new AbortController();
  const waiting = [...load.plans];
  const lane = async () => {
    for (let plan = waiting.shift(); plan; plan = waiting.shift()) {
      const record = await post(stage, plan);
      load.onAcknowledged?.(record);
      if (waiting.length > 0) await untilEnded(stage, record);
    }
  };
  // Few runs come one behind the other too: all at once, they would be taken before anything breaks.
  const atOnce = Math.min(room * stage.daemons.length, Math.ceil(load.plans.length / 3));
  const lanes = Array.from({ length: atOnce }, lane);
  await Promise.all([Promise.all(lanes).finally(() => calm.abort()), breakThings(calm.signal)]);
}

/** Does something again and again, after pauses of some milliseconds each, until all is calm. */
export async function again(
  stage: Stage,
  calm: AbortSignal,
  [least, most]: readonly [number, number],
  fault: () => Promise<void>,
): Promise<void> {
  const random = stage.random.branch('pauses');
  while (!calm.aborted) {
    await pause(random.between(least, most), calm);
    if (calm.aborted) return;
    stage.faults += 1;
    await fault();
  }
}

/** Lets time pass, or less where all is calm before. */
export async function pause(delay: number, calm?: AbortSignal): Promise<void> {
  const over = sleep(systemClock, delay, calm);
  // Its only reason is the calm, which the caller looks at.
  await over.catch(() => undefined);
}

async function post(stage: Stage, plan: RunPlan): Promise<RunRecord> {
  const config = { worker_host: workerId, harness: { type: 'shell' as const } };
  const prompt = scriptOf(plan, stage.out);
  const { run_id: runId } = await stage.client.createRun({ prompt, title: `run ${plan.number}`, config });
  const record = { plan, runId, excused: new Set<never>() };
  stage.records.push(record);
  return record;
}

/** A run that never ends holds up nobody for ever: that it did not is found out later. */
const laneLimit = 60_000;

async function untilEnded(stage: Stage, { runId }: RunRecord): Promise<void> {
  const deadline = systemClock.now() + laneLimit;
  while (systemClock.now() < deadline) {
    if (isTerminal((await stage.client.getRun(runId)).state)) return;
    await sleep(systemClock, interval);
  }
}

/** Asks for a run's end; one that is over meanwhile is refused, and that is as good. */
export async function cancel(stage: Stage, record: RunRecord): Promise<void> {
  record.excused.add('CANCELLED');
  try {
    await stage.client.cancelRun(record.runId);
    record.cancelledAt = systemClock.now();
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 400)) throw error;
  }
}
