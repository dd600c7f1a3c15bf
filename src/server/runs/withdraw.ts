import { outcomeOfIntent } from './outcome-by-worker.ts';
import type { Seen } from './last-seen.ts';
import type { Transition } from './transition.ts';

type Withdrawn = 'rejected' | 'not_accepted' | 'unanswered' | 'undeliverable';

/** Takes an offer back: the run goes to the queue again, or ends, where its end has been asked for meanwhile. */
export function withdrawal({ run, execution }: Seen, reason: Withdrawn): Transition {
  const { state, status } = execution.end_intent
    ? outcomeOfIntent(execution.end_intent)
    : ({ state: 'QUEUED', status: null } as const);
  return { run, execution, runTo: state, status, executionTo: 'withdrawn', executionFacts: { end_reason: reason } };
}
