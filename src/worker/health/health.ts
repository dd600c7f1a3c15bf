import type { Clock } from '../../common/clock.ts';
import type { Capacity } from '../../protocol/worker-link.ts';
import { noObserver, type WorkerObserver } from '../observer.ts';

/** What the daemon answers to whoever watches over it. */
export interface Health {
  readonly observer: WorkerObserver;
  /** Lives: the server was heard of lately. Nothing that the daemon does by itself counts. */
  livez: () => Answer;
  /** Takes tasks: it is connected, does not drain, and nothing keeps it from that. */
  readyz: () => Answer;
}

export interface Answer {
  isGood: boolean;
  body: object;
}

/**
 * How long the server may be silent before the daemon counts as stuck, in milliseconds: twice as long as it takes to
 * notice a dead line, so that one that reconnects as it should is not restarted.
 */
const silence = 120_000;

export function createHealth(clock: Clock): Health {
  let heardAt = clock.now();
  let hasHeard = false;
  let isConnected = false;
  let capacity: Capacity | undefined;
  const hear = () => {
    heardAt = clock.now();
    hasHeard = true;
  };
  return {
    observer: {
      ...noObserver,
      connected() {
        isConnected = true;
        hear();
      },
      disconnected: () => void (isConnected = false),
      heard: hear,
      capacity: (announced) => void (capacity = announced),
    },
    livez() {
      const seconds = Math.round((clock.now() - heardAt) / 1_000);
      if (seconds * 1_000 <= silence) return good({ seconds_since_contact: hasHeard ? seconds : null });
      const since = hasHeard ? 'the last contact' : 'the start, without any contact';
      return bad(`It is ${seconds} s since ${since}: the server cannot be reached, or this worker is stuck.`);
    },
    readyz() {
      if (!isConnected) return bad('The worker is not connected to the server.');
      if (capacity?.draining) return bad('The worker drains: it takes no more tasks.');
      if (capacity?.problem === undefined) return good({});
      return bad(`The worker takes nothing for now: ${capacity.problem}.`);
    },
  };
}

function good(facts: object): Answer {
  return { isGood: true, body: { status: 'ok', ...facts } };
}

function bad(reason: string): Answer {
  return { isGood: false, body: { status: 'failing', reason } };
}
