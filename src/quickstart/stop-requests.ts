import type { Clock } from '../common/clock.ts';

/** One Ctrl-C reaches this process up to three times: from the terminal, from npm and from the script between. */
const samePress = 1_000;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopRequests {
  /** Aborted by the first request to stop. */
  stop: AbortSignal;
  /** Aborted by the second: whoever asks twice does not want to wait. */
  hurry: AbortSignal;
}

interface RequestSource {
  on(event: (typeof signals)[number] | 'disconnect', listener: () => void): unknown;
}

/** `disconnect`: whoever started this process with a channel is gone, even if it was killed. */
export function listenForStopRequests(source: RequestSource, clock: Clock): StopRequests {
  const stop = new AbortController();
  const hurry = new AbortController();
  let firstAt: number | undefined;
  const onRequest = () => {
    firstAt ??= clock.now();
    if (clock.now() - firstAt >= samePress) hurry.abort();
    stop.abort();
  };
  for (const signal of signals) source.on(signal, onRequest);
  source.on('disconnect', onRequest);
  return { stop: stop.signal, hurry: hurry.signal };
}
