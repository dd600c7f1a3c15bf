import type { ReportedTurn, ReportTurn } from '../../protocol/agent-calls.ts';
import { CodedError, errorKinds, type ErrorCode } from '../../protocol/errors.ts';
import type { StatusMessage } from '../../protocol/runs.ts';
import { isLiveExecution, isTerminal, type ExecutionState, type RunState } from '../../protocol/states.ts';
import type { AgentPrincipal } from '../auth/principal.ts';
import { findExecution, type RunAndExecution } from '../store/executions.ts';
import { storable } from '../store/json.ts';
import { nextEntryIndex } from '../store/transcript-entries.ts';
import { settle, type RunContext } from './context.ts';
import type { Transition } from './transition.ts';

/** Takes the agent's word about a turn; see RunService. */
export async function reportTurn(
  context: RunContext,
  by: AgentPrincipal,
  turn: number,
  given: ReportTurn,
): Promise<ReportedTurn> {
  const report = storableReport(given);
  await settle(
    context,
    () => seenBy(context, by),
    (seen) => {
      refuseOtherTurn(seen, turn);
      return isTerminal(report.state) ? takeOutcome(seen, turn, report) : takeProgress(seen, turn, report);
    },
  );
  return { state: report.state, next_entry: await nextEntryIndex(context.db, by.runId) };
}

/** The agent's own execution, unless it is over or a newer one has taken its place. */
async function seenBy(context: RunContext, by: AgentPrincipal): Promise<RunAndExecution> {
  const seen = await findExecution(context.db, by.executionId);
  if (seen?.run.fence !== by.fence) throw conflict('A newer execution of this run has taken its place. End yourself.');
  if (!isLiveExecution(seen.execution.state)) throw conflict('This execution of the run is over. End yourself.');
  return seen;
}

function refuseOtherTurn({ execution }: RunAndExecution, turn: number): void {
  if (turn === Math.max(execution.turn, 1)) return;
  throw conflict(`Turn ${turn} is not the run’s turn: it is turn ${Math.max(execution.turn, 1)}.`);
}

function takeProgress(seen: RunAndExecution, turn: number, report: ReportTurn): Transition | undefined {
  const { run, execution } = seen;
  if (execution.outcome_turn >= turn) throw conflict(`The outcome of turn ${turn} has been taken: ${run.state}.`);
  if (execution.turn === 0) return begin(seen, turn, report);
  if (run.state === report.state) return undefined;
  return { run, execution, runTo: report.state, status: report.status_message ?? null };
}

/** The attempt begins. One that is about to be ended does not: its harness would have to be killed. */
function begin({ run, execution }: RunAndExecution, turn: number, report: ReportTurn): Transition {
  if (execution.end_intent !== null) throw conflict('The run is being ended. End yourself.');
  if (report.state !== 'INPROGRESS') throw conflict(`Turn ${turn} has not begun: report INPROGRESS first.`);
  return {
    run,
    execution,
    runTo: 'INPROGRESS',
    executionTo: 'running',
    status: report.status_message ?? null,
    runFacts: { attempts: run.attempts + 1 },
    // The offer's deadline: an agent that speaks shows that its worker took the offer.
    executionFacts: { turn, answer_by: null },
  };
}

function takeOutcome({ run, execution }: RunAndExecution, turn: number, report: ReportTurn): Transition | undefined {
  const status = statusOf(report);
  if (execution.turn === 0) throw conflict(`Turn ${turn} has not begun: report INPROGRESS first.`);
  if (execution.outcome_turn >= turn) {
    if (run.state === report.state && run.status_message === (status?.message ?? null)) return undefined;
    throw conflict(`Another outcome of turn ${turn} has been taken: ${run.state}.`);
  }
  return {
    run,
    execution,
    runTo: report.state,
    ...movedBy(report, execution.state),
    status,
    executionFacts: { outcome_turn: turn },
  };
}

/** Its worker may have said already that the agent has ended: this is what the agent could not send before. */
function movedBy({ idle, state }: ReportTurn, from: ExecutionState): { executionTo?: ExecutionState } {
  if (from === 'ending') return {};
  return { executionTo: idle && state === 'SUCCEEDED' ? 'idle' : 'ending' };
}

const defaultWords: Partial<Record<RunState, { code: ErrorCode; message: string }>> = {
  FAILED: { code: 'agent_failed', message: 'The agent reported a failure without saying why. Read the transcript.' },
  ERROR: { code: 'internal_error', message: 'The agent reported an error without saying why. Read the transcript.' },
};

/** A bad end always carries a code and a sentence; what the agent left out is filled in. */
function statusOf({ state, status_message: said }: ReportTurn): StatusMessage | null {
  const words = defaultWords[state];
  if (words === undefined) return said ?? null;
  const code = said?.error_code ?? words.code;
  const message = said?.message || words.message;
  return { message, error_code: code, retryable: said?.retryable ?? errorKinds[code].retryable };
}

/** In UTF-16 code units: every list of runs shows the message. */
const longestMessage = 10_000;

/** A refusal would cost the run its outcome: the agent could only say the same again. */
function storableReport({ state, status_message: said, idle }: ReportTurn): ReportTurn {
  const words = said && { ...said, message: storable(said.message.slice(0, longestMessage)) };
  return { state, ...(words && { status_message: words }), ...(idle && { idle }) };
}

function conflict(message: string): CodedError {
  return new CodedError('conflict', message);
}
