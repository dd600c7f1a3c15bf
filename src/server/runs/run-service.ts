import type { ReportedTurn, ReportTurn } from '../../protocol/agent-calls.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { CreatedRun, CreateRun, RunSource } from '../../protocol/runs.ts';
import type { Entry } from '../../protocol/transcript.ts';
import type { AgentPrincipal, Principal } from '../auth/principal.ts';

/**
 * All that people and agents may change about runs. Every refusal is a `CodedError` of the registry and changes nothing.
 * Reading is apart, in `run-queries.ts`.
 */
export interface RunService {
  /**
   * Stores a run as QUEUED and lets the dispatcher know. With an idempotency key, a repeated request is answered with
   * the run that the first one made; the same key with another body is a `conflict`.
   */
  create(by: Principal, request: CreateRunRequest): Promise<CreatedRun>;

  /**
   * Accepted in every live state: a run without a live execution is CANCELLED at once, any other as soon as its worker
   * has said so, or its deadline for that has passed. A terminal run is refused with `invalid_request`, a run of another
   * team with `resource_not_found`.
   */
  cancel(by: Principal, runId: RunId): Promise<void>;

  /** The agent's word about a turn, see protocol/agent-calls.ts. `conflict` when its execution is over or fenced. */
  reportTurn(by: AgentPrincipal, turn: number, report: ReportTurn): Promise<ReportedTurn>;

  /** Takes the entries that continue the transcript and says which index comes next. */
  appendEntries(by: AgentPrincipal, entries: readonly Entry[]): Promise<{ next_index: number }>;

  /** Why a queued run waits, as a sentence: "No worker `gpu-1` is connected." */
  whyWaiting(run: { id: RunId; team_id: string; worker_host: string | null }): string;
}

export interface CreateRunRequest {
  body: CreateRun;
  source: RunSource;
  idempotencyKey?: string | undefined;
}
