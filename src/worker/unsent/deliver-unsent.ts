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
  /** Whether the server is there, as the link knows: one that is there and is not reached by HTTP is not waited for. */
  readonly isConnected: () => boolean;
  clock: Clock;
  log: Logger;
  /** Ends the attempts. */
  signal: AbortSignal;
}

/** How long a server that is there may fail to take a call, in milliseconds. */
const patience = 2 * 60_000;
/** For how many times that it is listened to: what a task puts there may have no end, and its last word waits for it. */
const mostLooks = 5;

/**
 * Says what an agent has left, after its end and before the worker's own last word about it, because the token goes with
 * the execution. Resolves when the server has heard all of it, or refuses it for good (a fenced execution has nothing to
 * say any more), or is connected and yet cannot be told, or is told for too long. Rejects with the signal's reason; then,
 * and after a crash, it is simply done again from the start.
 */
export async function deliverUnsent(delivery: UnsentDelivery): Promise<void> {
  const { runId, log, signal } = delivery;
  const watch = watchProgress(delivery);
  const end = AbortSignal.any([signal, watch.stuck]);
  const client = createAgentClient(delivery);
  try {
    for await (const call of readUnsent(delivery.folder)) {
      await say(call, runId, client, end);
      watch.progress();
    }
  } catch (error) {
    signal.throwIfAborted();
    const isRefusal = error instanceof ApiError;
    const what = isRefusal ? 'The server refuses what an agent left' : 'What an agent left cannot be delivered';
    log.warn({ task_id: runId }, `${what}: ${(error as Error).message}`);
  } finally {
    watch.stop();
  }
}

interface Watch {
  stuck: AbortSignal;
  progress(): void;
  stop(): void;
}

/** `stuck` is aborted when nothing was taken for long enough by a server that is there. */
function watchProgress({ isConnected, clock }: UnsentDelivery): Watch {
  const stuck = new AbortController();
  let isMoving = false;
  let looks = 0;
  let cancel = () => undefined as void;
  const look = (wasConnected: boolean) => {
    cancel = clock.after(patience, () => {
      const isThere = isConnected();
      if (wasConnected && isThere && !isMoving) return stuck.abort(new Error('the server does not take it'));
      if (isThere && ++looks >= mostLooks) return stuck.abort(new Error('it is too much'));
      isMoving = false;
      look(isThere);
    });
  };
  look(isConnected());
  return { stuck: stuck.signal, progress: () => void (isMoving = true), stop: () => cancel() };
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
