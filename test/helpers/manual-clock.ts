import type { Clock } from '../../src/common/clock.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Lets time pass, and calls on the way what was to be called, in its order. */
  advance(duration: number): void;
  /** Lets time pass in which nothing was called: the process was stopped. */
  jump(duration: number): void;
  /** What it says changes at once, as when somebody sets the machine's clock; timers take as long as they would have. */
  set(distance: number): void;
}

interface Timer {
  at: number;
  run: () => void;
}

export function createManualClock(start = Date.parse('2026-01-01T00:00:00Z')): ManualClock {
  const timers = new Set<Timer>();
  let now = start;
  const nextUntil = (end: number) => [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  return {
    now: () => now,
    after(delay, run) {
      const timer = { at: now + delay, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(duration) {
      const end = now + duration;
      for (let timer = nextUntil(end); timer; timer = nextUntil(end)) {
        timers.delete(timer);
        now = Math.max(now, timer.at);
        timer.run();
      }
      now = end;
    },
    set(distance) {
      now += distance;
      for (const timer of timers) timer.at += distance;
    },
    jump(duration) {
      now += duration;
    },
  };
}
