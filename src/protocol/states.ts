import { z } from 'zod';

/** What people see of a run. The legal moves are `runMoves`; nothing leaves a terminal state but a new execution. */
export const runStateSchema = z.enum([
  'QUEUED',
  'PENDING',
  'CLAIMED',
  'INPROGRESS',
  'BLOCKED',
  'SUCCEEDED',
  'FAILED',
  'ERROR',
  'CANCELLED',
]);
export type RunState = z.infer<typeof runStateSchema>;

/**
 * What becomes of one offer of a run to one worker.
 *
 * ```
 * offered → claimed → preparing → running ⇄ idle → ending → ended | lost
 *    └──────────────────────────────────────────────→ withdrawn
 * ```
 */
export const executionStateSchema = z.enum([
  'offered',
  'claimed',
  'preparing',
  'running',
  'idle',
  'ending',
  'ended',
  'lost',
  'withdrawn',
]);
export type ExecutionState = z.infer<typeof executionStateSchema>;

export const terminalRunStates = ['SUCCEEDED', 'FAILED', 'ERROR', 'CANCELLED'] as const satisfies RunState[];
export type TerminalRunState = (typeof terminalRunStates)[number];

/** An execution in one of these holds its run: a run has one of them at most. */
export const liveExecutionStates = [
  'offered',
  'claimed',
  'preparing',
  'running',
  'idle',
  'ending',
] as const satisfies ExecutionState[];

/** Every legal move of a run. A move to QUEUED gives the run back to the queue: its next execution has a new fence. */
export const runMoves: Record<RunState, readonly RunState[]> = {
  QUEUED: ['PENDING', 'FAILED', 'ERROR', 'CANCELLED'],
  PENDING: ['CLAIMED', 'INPROGRESS', 'QUEUED', 'FAILED', 'ERROR', 'CANCELLED'],
  CLAIMED: ['INPROGRESS', 'BLOCKED', 'QUEUED', 'SUCCEEDED', 'FAILED', 'ERROR', 'CANCELLED'],
  INPROGRESS: ['BLOCKED', 'QUEUED', 'SUCCEEDED', 'FAILED', 'ERROR', 'CANCELLED'],
  BLOCKED: ['INPROGRESS', 'QUEUED', 'SUCCEEDED', 'FAILED', 'ERROR', 'CANCELLED'],
  SUCCEEDED: ['QUEUED', 'INPROGRESS'],
  FAILED: ['QUEUED', 'INPROGRESS'],
  ERROR: ['QUEUED', 'INPROGRESS'],
  CANCELLED: ['QUEUED', 'INPROGRESS'],
};

/** Every legal move of an execution. */
export const executionMoves: Record<ExecutionState, readonly ExecutionState[]> = {
  offered: ['claimed', 'running', 'ended', 'lost', 'withdrawn'],
  claimed: ['preparing', 'running', 'ending', 'ended', 'lost'],
  preparing: ['running', 'ending', 'ended', 'lost'],
  running: ['idle', 'ending', 'ended', 'lost'],
  idle: ['running', 'ending', 'ended', 'lost'],
  ending: ['running', 'ended', 'lost'],
  ended: [],
  lost: [],
  withdrawn: [],
};

export function isTerminal(state: RunState): state is TerminalRunState {
  return (terminalRunStates as readonly RunState[]).includes(state);
}

export function isLiveExecution(state: ExecutionState): boolean {
  return (liveExecutionStates as readonly ExecutionState[]).includes(state);
}
