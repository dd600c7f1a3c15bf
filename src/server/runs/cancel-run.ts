import { CodedError } from '../../protocol/errors.ts';
import type { RunId } from '../../protocol/ids.ts';
import { isTerminal, type RunState } from '../../protocol/states.ts';
import type { Principal } from '../auth/principal.ts';
import { findLiveExecution, type RunAndExecution } from '../store/executions.ts';
import { findRunOfTeam } from '../store/runs.ts';
import { afterNow, nowOf, settle, type RunContext } from './context.ts';
import { outcomeOfIntent } from './outcome-by-worker.ts';
import type { RunSeen, Transition } from './transition.ts';

/** Ends a run on request; see RunService. Asking again while its worker is ending it is accepted and changes nothing. */
export async function cancelRun(context: RunContext, by: Principal, runId: RunId): Promise<void> {
  if (by.kind === 'agent') throw new CodedError('not_authorized', 'The token of a run’s agent cannot cancel runs.');
  await settle(
    context,
    async () => ({
      run: await cancellable(context, by.teamId, runId),
      live: await findLiveExecution(context.db, runId),
    }),
    ({ run, live }) => (live ? endByWorker(context, live) : endAtOnce(run)),
  );
}

async function cancellable(context: RunContext, teamId: string, runId: RunId): Promise<RunSeen> {
  const run = await findRunOfTeam(context.db, teamId, runId);
  if (run === undefined) throw new CodedError('resource_not_found', `Run ${runId} does not exist.`);
  if (isTerminal(run.state)) {
    throw new CodedError('invalid_request', `Run ${runId} cannot be cancelled: it has already ${inWords(run.state)}.`);
  }
  return run;
}

function endAtOnce(run: RunSeen): Transition {
  const { state, status } = outcomeOfIntent('cancelled');
  return { run, runTo: state, status };
}

/** The offer's own deadline, which is nearer, stays: a worker that never claims it ends the run by its silence. */
function endByWorker(context: RunContext, { run, execution }: RunAndExecution): Transition | undefined {
  if (execution.end_intent !== null || isTerminal(run.state)) return undefined;
  const answerBy =
    execution.state === 'offered' ? {} : { answer_by: afterNow(context, context.settings.cancelTimeout) };
  return {
    run,
    execution,
    event: 'run_cancel_requested',
    executionFacts: { end_intent: 'cancelled', cancel_requested_at: nowOf(context), ...answerBy },
    tell: 'task_cancellation',
  };
}

function inWords(state: RunState): string {
  const words: Partial<Record<RunState, string>> = {
    SUCCEEDED: 'succeeded',
    FAILED: 'failed',
    CANCELLED: 'been cancelled',
  };
  return words[state] ?? 'ended with an error';
}
