import type { Clock } from '../../common/clock.ts';

/** Between two pings to one worker; in milliseconds, as below. */
const pingPeriod = 30_000;
/** A daemon pings every 30 s itself: one that was silent for so long is gone. */
const longestSilence = 90_000;

export interface Liveness {
  /** The peer has been heard of. */
  seen: () => void;
  lastSeenAt: () => number;
  stop: () => void;
}

/** Pings a peer and notices its silence. The first ping comes at random, so that many workers' do not come together. */
export function watchLiveness(clock: Clock, peer: { ping(): void; silent(): void }, random: () => number): Liveness {
  let lastSeen = clock.now();
  let cancel = clock.after(random() * pingPeriod, beat);
  function beat(): void {
    if (clock.now() - lastSeen > longestSilence) return peer.silent();
    peer.ping();
    cancel = clock.after(pingPeriod, beat);
  }
  return {
    seen: () => void (lastSeen = clock.now()),
    lastSeenAt: () => lastSeen,
    stop: () => cancel(),
  };
}
