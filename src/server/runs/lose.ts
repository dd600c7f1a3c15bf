import { isTerminal } from '../../protocol/states.ts';
import type { RunAndExecution } from '../store/executions.ts';
import type { RunContext } from './context.ts';
import { outcomeOfIntent, outcomeOfLoss, type Outcome } from './outcome-by-worker.ts';
import { retryOr } from './retry.ts';
import type { Transition } from './transition.ts';

/** An execution is given up. If its worker has it yet, it is to end it. */
export function loseUnanswered(seen: RunAndExecution): Transition {
  const { state, status } = outcomeOfIntent(seen.execution.end_intent ?? 'cancelled');
  const lost = givenUp(seen, 'end_unanswered');
  const silence = `Worker \`${seen.execution.worker_id}\` did not answer: until it is back, the task may still run there.`;
  const said = status && { ...status, message: `${status.message} ${silence}` };
  return isTerminal(seen.run.state) ? lost : { ...lost, runTo: state, status: said };
}

/** The same, because nothing was heard of the worker, or because it came back without the task. */
export function loseWorker(
  seen: RunAndExecution,
  reason: 'worker_lost' | 'task_lost',
  context: RunContext,
): Transition {
  const { tell, ...forgotten } = givenUp(seen, reason);
  // One that came back without the task has nothing to end.
  const lost = reason === 'worker_lost' ? { ...forgotten, tell } : forgotten;
  if (isTerminal(seen.run.state)) return lost;
  return { ...lost, ...retryOr(outcomeOf(seen, reason), seen, context) };
}

function outcomeOf({ execution }: RunAndExecution, reason: 'worker_lost' | 'task_lost'): Outcome {
  if (execution.end_intent !== null) return outcomeOfIntent(execution.end_intent);
  return outcomeOfLoss(execution.worker_id, reason);
}

function givenUp({ run, execution }: RunAndExecution, reason: string) {
  return {
    run,
    execution,
    executionTo: 'lost',
    executionFacts: { end_reason: reason },
    tell: 'task_cancellation',
  } as const;
}
