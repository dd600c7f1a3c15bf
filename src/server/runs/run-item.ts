import type { RunItem, StatusMessage } from '../../protocol/runs.ts';
import { isTerminal } from '../../protocol/states.ts';
import { limitReasons, type RunRow } from '../store/run-rows.ts';

export interface RunItemOptions {
  /** Milliseconds since the epoch. */
  now: number;
  whyWaiting: (run: RunRow) => string;
}

/** A run as the API shows it. */
export function toRunItem(row: RunRow, options: RunItemOptions): RunItem {
  const warnings = warningsOf(row);
  return {
    run_id: row.id,
    task_id: row.id,
    title: row.title,
    state: row.state,
    prompt: row.prompt,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    run_time: runTime(row, options.now),
    status_message: statusOf(row, options),
    source: row.source,
    execution_location: 'REMOTE',
    creator: creatorOf(row),
    agent_config: row.config,
    conversation_id: row.conversation_id,
    parent_run_id: row.parent_run_id ?? undefined,
    is_sandbox_running: row.live_state !== null,
    is_run_type_cancellable: true,
    metadata: row.metadata,
    artifacts: [],
    children: row.children.map((child) => child.id),
    last_event_sequence: Number(row.last_sequence ?? 0),
    scope: { type: 'Team', uid: row.team_id },
    ...(warnings.length > 0 && { warnings }),
  };
}

/** What went wrong beside the outcome: where an agent survives a met limit, it may know of it no more than that its script died. */
function warningsOf({ warnings, error_code }: RunRow): string[] {
  return warnings.flatMap(({ end_reason, teardown_problem }) => {
    const met = error_code === 'resource_limit_exceeded' ? undefined : limitReasons.find((one) => one === end_reason);
    const problems = [met && `The task met its worker’s limit on ${limits[met]}.`, teardown_problem];
    return problems.filter((problem) => typeof problem === 'string');
  });
}

const limits: Record<(typeof limitReasons)[number], string> = {
  container_oom: 'memory',
  process_limit: 'processes',
  output_limit: 'output',
};

function statusOf(row: RunRow, { now, whyWaiting }: RunItemOptions): StatusMessage | undefined {
  // One that has been tried says what came of it.
  if (row.state === 'QUEUED') return { message: [row.status_message, whyWaiting(row)].filter(Boolean).join(' ') };
  const since = isTerminal(row.state) ? null : unreachableSince(row, now);
  if (since !== null) return { message: unreachable(row, since) };
  if (row.status_message === null) return phaseOf(row);
  return {
    message: row.status_message,
    ...(row.error_code && { error_code: row.error_code }),
    ...(row.retryable !== null && { retryable: row.retryable }),
  };
}

/** Since its connection ended, or, for a daemon with a lease, since that has run out. */
function unreachableSince({ unreachable_since, lease_until }: RunRow, now: number): Date | null {
  if (lease_until !== null && lease_until.getTime() < now) return lease_until;
  return unreachable_since;
}

function unreachable({ live_worker, lost_at }: RunRow, since: Date): string {
  const what = `Worker \`${live_worker}\` has been unreachable since ${inWords(since)}.`;
  if (lost_at === null) return `${what} The run goes on when it is back.`;
  return `${what} The run goes on if it is back by ${inWords(lost_at)}, and is given up otherwise.`;
}

function inWords(time: Date): string {
  return time.toISOString().replace('T', ' ').replace(/\..*$/, ' UTC');
}

/** What its worker is doing, where that is not the agent's work. */
function phaseOf({ state, live_state, live_worker, cancel_requested_at }: RunRow): StatusMessage | undefined {
  if (isTerminal(state)) return undefined;
  if (cancel_requested_at !== null) return { message: `Being cancelled: worker \`${live_worker}\` ends the task.` };
  if (live_state === 'preparing') return { message: `Worker \`${live_worker}\` runs the setup command.` };
  if (live_state === 'ending') return { message: `The agent has ended; worker \`${live_worker}\` finishes the task.` };
  return undefined;
}

function creatorOf(row: RunRow): RunItem['creator'] {
  const name = row.creator_type === 'user' ? row.user_name : row.key_name;
  return {
    type: row.creator_type,
    uid: row.creator_uid,
    ...(name !== null && { display_name: name }),
    ...(row.user_email !== null && { email: row.user_email }),
  };
}

/** An ISO-8601 duration, to the millisecond. */
function runTime({ started_at, ended_at }: RunRow, now: number): string | undefined {
  if (!started_at) return undefined;
  const ms = Math.max(0, (ended_at?.getTime() ?? now) - started_at.getTime());
  const [hours, minutes] = [Math.floor(ms / 3_600_000), Math.floor((ms % 3_600_000) / 60_000)];
  return `PT${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${(ms % 60_000) / 1_000}S`;
}
