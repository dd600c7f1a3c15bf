import type { ExecutionId } from '../../protocol/ids.ts';
import { executionMoves } from '../../protocol/states.ts';
import type { ExecutionSeen, RunSeen, Transition } from './transition.ts';

/** An execution with its run, as far as a transition compares them. */
export interface Seen {
  run: RunSeen;
  execution: ExecutionSeen;
}

/** More cannot be in flight on one server in earnest; the oldest is forgotten, which costs a read. */
const mostKept = 10_000;

/**
 * What this server's own transitions made of the executions that it has offered, so that a worker's message needs no look
 * at the database before its transition. It may be out of date: the transition compares, changes nothing then, and the
 * next try looks for itself.
 */
export class LastSeen {
  readonly #executions = new Map<ExecutionId, Seen>();

  of(id: ExecutionId): Seen | undefined {
    return this.#executions.get(id);
  }

  offered(seen: Seen): void {
    const oldest = this.#executions.keys().next();
    if (this.#executions.size >= mostKept && !oldest.done) this.forget(oldest.value);
    this.#executions.set(seen.execution.id, seen);
  }

  /** A transition was committed. */
  moved({ run, runTo, execution, executionTo, executionFacts }: Transition): void {
    if (execution === undefined || !this.#executions.has(execution.id)) return;
    const state = executionTo ?? execution.state;
    if (executionMoves[state].length === 0) return this.forget(execution.id);
    this.#executions.set(execution.id, {
      run: { id: run.id, fence: run.fence, state: runTo ?? run.state },
      execution: { id: execution.id, state, end_intent: executionFacts?.end_intent ?? execution.end_intent },
    });
  }

  forget(id: ExecutionId): void {
    this.#executions.delete(id);
  }
}
