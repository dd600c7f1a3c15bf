import type { StatusMessage } from '../../protocol/runs.ts';
import type { RunState } from '../../protocol/states.ts';
import type { RunAndExecution } from '../store/executions.ts';
import { nowOf, type RunContext } from './context.ts';
import type { Outcome } from './outcome-by-worker.ts';
import type { Transition } from './transition.ts';

/** How often a run is queued again because its execution was lost before its agent began. */
const mostSetbacks = 3;

type Next = Pick<Transition, 'runTo' | 'status' | 'runFacts'>;

/**
 * What becomes of a run that the platform has failed: it waits again while it has attempts left, else this is its
 * outcome. An execution whose agent never began cost no attempt, but there is a bound to those as well.
 */
export function retryOr(outcome: Outcome, { run, execution }: RunAndExecution, context: RunContext): Next {
  const most = run.max_attempts ?? context.settings.maxAttempts;
  const hasBegun = execution.turn > 0;
  const mayRetry = hasBegun ? run.attempts < most : run.setbacks < mostSetbacks;
  if (execution.end_intent !== null || !mayRetry) return { runTo: outcome.state, status: outcome.status };
  const again = hasBegun ? `Attempt ${run.attempts} of ${most} has failed` : 'The agent had not begun';
  return {
    runTo: 'QUEUED',
    status: { message: `${again}, and the run waits again: ${reasonOf(outcome)}` },
    runFacts: { queued_at: nowOf(context), ...(!hasBegun && { setbacks: run.setbacks + 1 }) },
  };
}

function reasonOf({ status }: { state: RunState; status: StatusMessage | null }): string {
  return (status?.message ?? '').replace(/ Start the run again\.$/, '');
}
