import type { Capacity, Hello } from '../../protocol/worker-link.ts';
import type { Session } from './session.ts';

/** Says what room the daemon has whenever that is news to the server. */
export interface Announcer {
  /** This hello is being said, and the room with it. */
  said(hello: Hello): Hello;
  announce(capacity: Capacity): void;
  attach(session: Session): void;
  detach(): void;
}

export function createAnnouncer(): Announcer {
  /** What is true, where it was announced since the last hello, and what the server was told. */
  let wanted: Capacity | undefined;
  let told: Capacity | undefined;
  let session: Session | undefined;

  const flush = () => {
    if (!session?.isV2 || wanted === undefined || isSame(wanted, told)) return;
    session.send({ type: 'capacity', data: wanted });
    told = wanted;
  };
  return {
    said(hello) {
      told = hello;
      wanted = undefined;
      return hello;
    },
    announce(capacity) {
      wanted = capacity;
      flush();
    },
    attach(opened) {
      session = opened;
      flush();
    },
    detach: () => void (session = undefined),
  };
}

function isSame(one: Capacity, other: Capacity | undefined): boolean {
  if (one.max_concurrent_tasks !== other?.max_concurrent_tasks) return false;
  return one.draining === other.draining && one.problem === other.problem;
}
