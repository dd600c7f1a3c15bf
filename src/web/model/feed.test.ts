import { expect, test } from 'vitest';
import { createFeed } from './feed.ts';

test('events of one frame are folded together, and a closed stream is told of', async () => {
  const frames = createManualFrames();
  const feed = createFeed({ ...numbers, open: () => stream(1, 2, 3), atNextFrame: frames.atNextFrame });
  const seen: unknown[] = [];
  const stop = feed.subscribe(() => seen.push(feed.read()));
  await expect.poll(() => feed.read().status).toBe('ended');
  frames.draw();
  expect(feed.read().view).toEqual([1, 2, 3]);
  expect(seen).toHaveLength(3);
  stop();
});

test('a refused stream is told of as failed', async () => {
  const refused = async function* (): AsyncGenerator<number> {
    yield* [];
    throw new Error('refused');
  };
  const feed = createFeed({ ...numbers, open: refused, atNextFrame: createManualFrames().atNextFrame });
  const stop = feed.subscribe(() => undefined);
  await expect.poll(() => feed.read().status).toBe('failed');
  stop();
});

test('whoever stops listening aborts the stream and hears no more; the next one starts from the beginning', async () => {
  const frames = createManualFrames();
  const signals: AbortSignal[] = [];
  const open = (signal: AbortSignal) => {
    signals.push(signal);
    return stream(1);
  };
  const feed = createFeed({ ...numbers, open, atNextFrame: frames.atNextFrame });
  feed.subscribe(() => undefined)();
  expect(signals[0]?.aborted).toBe(true);
  const stop = feed.subscribe(() => undefined);
  await expect.poll(() => feed.read().status).toBe('ended');
  frames.draw();
  expect(feed.read().view).toEqual([1]);
  stop();
});

const numbers = {
  empty: [] as readonly number[],
  add: (view: readonly number[], events: readonly number[]) => [...view, ...events],
};

async function* stream(...events: number[]): AsyncGenerator<number> {
  yield* events;
}

function createManualFrames() {
  const waiting = new Set<() => void>();
  return {
    atNextFrame: (run: () => void) => {
      waiting.add(run);
      return () => waiting.delete(run);
    },
    draw: () => {
      for (const run of waiting) run();
      waiting.clear();
    },
  };
}
