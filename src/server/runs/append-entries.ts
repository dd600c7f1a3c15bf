import { CodedError } from '../../protocol/errors.ts';
import type { Entry } from '../../protocol/transcript.ts';
import type { AgentPrincipal } from '../auth/principal.ts';
import { insertEntries } from '../store/transcript-entries.ts';
import type { RunContext } from './context.ts';

/**
 * Takes the entries that continue a transcript; see RunService. An execution that has ended may still deliver what it
 * could not send before, until its token expires or a newer execution numbers on.
 */
export async function appendEntries(
  context: RunContext,
  by: AgentPrincipal,
  entries: readonly Entry[],
): Promise<{ next_index: number }> {
  refuseGaps(entries);
  const next = await insertEntries(context.db, by, entries);
  if (next === undefined) {
    throw new CodedError('conflict', 'A newer execution of this run has taken its place. End yourself.');
  }
  context.changes.announce(by.runId);
  return { next_index: next };
}

function refuseGaps(entries: readonly Entry[]): void {
  const first = entries[0]?.index ?? 0;
  const strange = entries.find((entry, position) => entry.index !== first + position);
  if (strange === undefined) return;
  throw new CodedError('invalid_request', `entries must be numbered one by one; entry ${strange.index} is not.`);
}
