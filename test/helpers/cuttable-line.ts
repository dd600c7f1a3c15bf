import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** `up` is towards the server. */
export type Direction = 'up' | 'down';

/**
 * A TCP line to a server that a test can break: at once, slowly, or in one direction alone.
 *
 * ```
 * whole → cut | stalled | swallowing → (mend) → whole
 * ```
 */
export interface CuttableLine extends AsyncDisposable {
  readonly url: string;
  /** What was open breaks at once, and nothing connects until it is mended. */
  cut(): void;
  /** What goes this way waits until it is mended: nothing is lost, all of it comes late. */
  stall(direction: Direction): void;
  /** What goes this way disappears, unnoticed by either side; what was open then breaks when it is mended. */
  swallow(direction: Direction): void;
  mend(): void;
  /** Resolves as soon as these bytes have been passed on this way. */
  passed(direction: Direction, text: string): Promise<void>;
}

interface Way {
  readonly direction: Direction;
  readonly from: Socket;
  readonly to: Socket;
}

interface Watcher {
  direction: Direction;
  text: string;
  found(): void;
}

export async function layLine(target: string): Promise<CuttableLine> {
  const { hostname, port } = new URL(target);
  const ways = new Set<Way>();
  const watchers = new Set<Watcher>();
  let isCut = false;
  let stalled: Direction | undefined;
  let swallowed: Direction | undefined;

  const listener = createServer((near) => {
    if (isCut) return void near.resetAndDestroy();
    const far = connect(Number(port), hostname);
    open({ direction: 'up', from: near, to: far });
    open({ direction: 'down', from: far, to: near });
    return undefined;
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');

  function open(way: Way): void {
    const { from, to, direction } = way;
    ways.add(way);
    // An error is followed by a close, and that is what counts.
    from.on('error', () => {});
    from.on('close', () => {
      ways.delete(way);
      to.destroy();
    });
    from.on('data', (bytes: Buffer) => carry(way, bytes));
    from.on('end', () => to.end());
    to.on('drain', () => void (direction !== stalled && from.resume()));
    if (direction === stalled) from.pause();
  }

  function carry({ direction, from, to }: Way, bytes: Buffer): void {
    if (direction === swallowed) return;
    if (!to.write(bytes)) from.pause();
    for (const watcher of watchers) {
      if (watcher.direction === direction && bytes.includes(watcher.text)) watcher.found();
    }
  }

  function breakAll(): void {
    for (const { from } of ways) from.resetAndDestroy();
  }

  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      breakAll();
    },
    stall(direction) {
      stalled = direction;
      for (const way of ways) if (way.direction === direction) way.from.pause();
    },
    swallow(direction) {
      swallowed = direction;
    },
    mend() {
      if (swallowed !== undefined) breakAll();
      isCut = false;
      stalled = swallowed = undefined;
      for (const { from } of ways) from.resume();
    },
    async passed(direction, text) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const watcher = { direction, text, found: resolve };
      watchers.add(watcher);
      await promise.finally(() => watchers.delete(watcher));
    },
    async [Symbol.asyncDispose]() {
      breakAll();
      listener.close();
      await once(listener, 'close');
    },
  };
}
