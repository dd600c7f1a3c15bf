import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../common/clock.ts';
import type { StreamPage } from '../runs/stream-page.ts';

interface StreamEvent {
  event: string;
  data: unknown;
}

export interface EventStreamOptions {
  /** Reads what follows the last call. */
  read: () => Promise<StreamPage<StreamEvent>>;
  /** Calls back on news; the returned function ends that. News may be missed: a slow look stands behind it. */
  watch: (onNews: () => void) => () => void;
  /** Whether to wait for news at all. */
  follow: boolean;
  clock: Clock;
  /** The server stops. */
  stopping: AbortSignal;
}

/** Of a comment on an idle connection, and of a look for missed news. In milliseconds. */
const idlePeriod = 15_000;
const lookPeriod = 5_000;

/** Answers with server-sent events until the source is over, the client leaves, or the server stops. */
export async function sendEventStream(reply: FastifyReply, options: EventStreamOptions): Promise<void> {
  const first = await options.read(); // What cannot be read at all is refused as any request is.
  reply.hijack();
  const response = reply.raw;
  const gone = goneSignal(response, options.stopping);
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    // Kept open after its end, it would hold up the stop of the server.
    connection: 'close',
  });
  response.flushHeaders();
  try {
    await pump(response, first, gone, options);
  } catch (error) {
    if (!gone.aborted) reply.log.warn({ err: error }, 'An event stream broke off; its reader resumes it.');
  } finally {
    response.end();
  }
}

async function pump(
  response: ServerResponse,
  first: StreamPage<StreamEvent>,
  gone: AbortSignal,
  { read, watch, follow, clock }: EventStreamOptions,
): Promise<void> {
  const news = createNews(clock, gone);
  const unwatch = watch(() => news.arrive());
  const stopComments = repeat(clock, idlePeriod, () => void response.write(': still here\n\n'));
  try {
    for (let batch = first; ; batch = await read()) {
      for (const event of batch.events) await write(response, event, gone);
      if (batch.reached === 'over' || gone.aborted) return;
      if (batch.reached === 'more') continue;
      if (!follow) return;
      await news.next();
      if (gone.aborted) return;
    }
  } finally {
    stopComments();
    unwatch();
  }
}

/** Waits for a slow reader instead of keeping what it has not read in memory. */
async function write(
  response: ServerResponse,
  { id, event, data }: StreamEvent & { id: string },
  gone: AbortSignal,
): Promise<void> {
  if (gone.aborted) return;
  const isRoomLeft = response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  if (!isRoomLeft) await once(response, 'drain', { signal: gone });
}

/** Remembers news that arrives while the reader is busy with the former. */
function createNews(clock: Clock, gone: AbortSignal) {
  let hasArrived = true; // Something may have happened between the first read and the start of the watch.
  let wake = () => {};
  return {
    arrive() {
      hasArrived = true;
      wake();
    },
    async next(): Promise<void> {
      if (!hasArrived && !gone.aborted) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(lookPeriod, resolve);
          wake = () => {
            cancel();
            resolve();
          };
          gone.addEventListener('abort', wake, { once: true });
        });
        gone.removeEventListener('abort', wake);
      }
      hasArrived = false;
    },
  };
}

function goneSignal(response: ServerResponse, stopping: AbortSignal): AbortSignal {
  const closed = new AbortController();
  response.once('close', () => closed.abort());
  return AbortSignal.any([closed.signal, stopping]);
}

function repeat(clock: Clock, period: number, action: () => void): () => void {
  let cancel = clock.after(period, function again() {
    action();
    cancel = clock.after(period, again);
  });
  return () => cancel();
}
