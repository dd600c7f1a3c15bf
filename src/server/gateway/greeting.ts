import type { Clock } from '../../common/clock.ts';
import type { Hello } from '../../protocol/worker-link.ts';

/** For a daemon of the second protocol to say hello; in milliseconds. */
const helloWithin = 10_000;

/** The first message of a daemon that says who it is, or that it never came. */
export interface Greeting {
  /** Rejects with a `NotGreeted` when something else came, nothing within its time, or the end. */
  hello: Promise<Hello>;
  /** Says whether it was awaited. */
  say(hello: Hello): boolean;
  isOver(): boolean;
  giveUp(reason: string): void;
}

export class NotGreeted extends Error {}

export function awaitGreeting(clock: Clock): Greeting {
  const { promise, resolve, reject } = Promise.withResolvers<Hello>();
  // Who waits for it is told; nobody may, when the connection ends first.
  promise.catch(() => undefined);
  let isOver = false;
  const giveUp = (reason: string) => {
    isOver = true;
    cancel();
    reject(new NotGreeted(reason));
  };
  const cancel = clock.after(helloWithin, () => giveUp('The daemon said no hello.'));
  return {
    hello: promise,
    say(hello) {
      if (isOver) return false;
      isOver = true;
      cancel();
      resolve(hello);
      return true;
    },
    isOver: () => isOver,
    giveUp,
  };
}
