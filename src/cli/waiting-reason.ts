import type { Client } from '../client/client.ts';
import type { Clock } from '../common/clock.ts';
import type { RunState } from '../protocol/states.ts';

/** Milliseconds in a queue after which a person wants to know why, and between two looks at the reason. */
const patience = 2_000;

/** Says why a run waits, and says it again when the reason is another one. Nothing changes in a run when that changes. */
export interface WaitingReason {
  onState(state: RunState): void;
  stop(): void;
}

export interface WaitingReasonOptions {
  client: Client;
  runId: string;
  clock: Clock;
  say: (reason: string) => void;
}

export function watchWaitingReason({ client, runId, clock, say }: WaitingReasonOptions): WaitingReason {
  let cancel = () => {};
  let isQueued = false;
  let last = '';
  const look = async () => {
    // The run's stream, which is being followed as well, reports what is wrong with the server.
    const run = await client.getRun(runId).catch(() => undefined);
    const reason = run?.state === 'QUEUED' ? (run.status_message?.message ?? '') : last;
    if (isQueued && reason !== last) say(reason);
    last = reason;
    if (isQueued) lookLater();
  };
  const lookLater = () => {
    cancel = clock.after(patience, () => void look());
  };
  const stop = () => {
    isQueued = false;
    cancel();
  };
  return {
    onState(state) {
      stop();
      isQueued = state === 'QUEUED';
      if (isQueued) lookLater();
    },
    stop,
  };
}
