import { ApiError } from '../../client/api-error.ts';
import { createClient, type Client } from '../../client/client.ts';
import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { UnsentCall } from '../../protocol/unsent.ts';
import { readUnsent } from './read-unsent.ts';

export interface UnsentDelivery {
  /** Where the agent was told to leave it; it may be missing, and it is the task's: nothing in it is believed. */
  folder: string;
  runId: RunId;
  rootUrl: string;
  /** The task's own token: whatever stands in the folder is said as the task, about its own run. */
  token: string;
  clock: Clock;
  log: Logger;
  /** Ends the attempts. */
  signal: AbortSignal;
}

/**
 * Says what an agent has left, after its end and before the worker's own last word about it, because the token goes with
 * the execution. Resolves when the server has heard all of it or refuses it for good: a fenced execution has nothing to
 * say any more. Rejects with the signal's reason; then, and after a crash, it is simply done again from the start.
 */
export async function deliverUnsent(delivery: UnsentDelivery): Promise<void> {
  const { runId, log, signal } = delivery;
  const client = createAgentClient(delivery);
  try {
    for await (const call of readUnsent(delivery.folder)) await say(call, runId, client, signal);
  } catch (error) {
    signal.throwIfAborted();
    const isRefusal = error instanceof ApiError;
    const what = isRefusal ? 'The server refuses what an agent left' : 'What an agent left cannot be read';
    log.warn({ task_id: runId }, `${what}: ${(error as Error).message}`);
  }
}

function createAgentClient({ rootUrl, token, runId, clock }: UnsentDelivery): Client {
  return createClient({
    rootUrl,
    credential: { apiKey: token },
    headers: { 'x-warp-cloud-agent-id': runId, 'x-oz-api-source': 'CLI' },
    retry: { retries: Infinity, firstDelay: 250, maxDelay: 10_000 },
    clock,
  });
}

async function say(call: UnsentCall, runId: RunId, client: Client, signal: AbortSignal): Promise<void> {
  if (call.call === 'append_entries') await client.appendEntries(runId, call.entries, { signal });
  else await client.reportTurn(runId, call.turn, call.report, { signal });
}
