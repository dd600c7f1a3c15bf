import type { RunItem, StatusMessage } from '../../protocol/runs.ts';
import { isTerminal } from '../../protocol/states.ts';
import type { RunRow } from '../store/run-rows.ts';

export interface RunItemOptions {
  /** Milliseconds since the epoch. */
  now: number;
  whyWaiting: (run: RunRow) => string;
}

/** A run as the API shows it. */
export function toRunItem(row: RunRow, options: RunItemOptions): RunItem {
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
  };
}

function statusOf(row: RunRow, { whyWaiting }: RunItemOptions): StatusMessage | undefined {
  if (row.state === 'QUEUED') return { message: whyWaiting(row) };
  if (row.unreachable_since && !isTerminal(row.state)) return { message: unreachable(row) };
  if (row.status_message === null) return undefined;
  return {
    message: row.status_message,
    ...(row.error_code && { error_code: row.error_code }),
    ...(row.retryable !== null && { retryable: row.retryable }),
  };
}

function unreachable({ live_worker, unreachable_since }: RunRow): string {
  return `Worker \`${live_worker}\` has been unreachable since ${unreachable_since?.toISOString()}. The run goes on when it is back.`;
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
