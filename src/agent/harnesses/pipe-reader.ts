import type { Readable } from 'node:stream';
import { sleep, type Clock } from '../../common/clock.ts';

/**
 * Once its writer has ended, a pipe holds no more than the system lets it, and gives that without being waited for. What
 * goes on beyond this comes from a process outside the group that holds the pipe, perhaps for ever: milliseconds of
 * silence, milliseconds of waiting in all, and bytes, after each of which it is given up.
 */
const leakedSilence = 250;
const leakedWaiting = 2_000;
const leakedBytes = 4 * 1024 * 1024;

export interface PipeReader {
  /** The writer has ended: resolves when all that it wrote has been taken. */
  finish(): Promise<void>;
}

/** Reads a pipe to its end, one chunk at a time: it is not read on before `take` has resolved. */
export function readPipe(pipe: Readable, take: (bytes: Buffer) => Promise<void>, clock: Clock): PipeReader {
  let waitingSince: number | undefined = clock.now();
  /** Since the writer's end; undefined before. */
  let rest: { bytes: number; waiting: number; since: number } | undefined;

  const note = (bytes: number) => {
    if (rest === undefined) return;
    rest.bytes += bytes;
    rest.waiting += clock.now() - Math.max(waitingSince ?? clock.now(), rest.since);
    if (rest.bytes > leakedBytes || rest.waiting > leakedWaiting) pipe.destroy();
  };
  const reading = (async () => {
    for await (const chunk of pipe as AsyncIterable<Buffer>) {
      note(chunk.length);
      waitingSince = undefined;
      await take(chunk);
      waitingSince = clock.now();
    }
  })();
  const ended = reading.then(
    () => true,
    (error: unknown) => {
      // That is how a pipe ends that was given up.
      if (!pipe.destroyed) throw error;
      return true;
    },
  );
  return {
    async finish() {
      rest = { bytes: 0, waiting: 0, since: clock.now() };
      for (let seen = -1; ; seen = rest.bytes) {
        if (await Promise.race([ended, sleep(clock, leakedSilence).then(() => false)])) return;
        if (waitingSince !== undefined && seen === rest.bytes) pipe.destroy();
      }
    },
  };
}
