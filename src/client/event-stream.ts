import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { createBackoff } from '../common/backoff.ts';
import { sleep } from '../common/clock.ts';
import { ApiError, NetworkError } from './api-error.ts';
import { isPassing, pauseAfter } from './retry.ts';
import { networkErrorOf, send, type ApiRequest, type Transport } from './transport.ts';

export interface StreamOptions {
  signal?: AbortSignal | undefined;
  /** The id of the last event already seen: the stream goes on after it. */
  lastEventId?: string | undefined;
  /** `false` ends the stream at what there is now. Default: true. */
  follow?: boolean | undefined;
}

/** A server-sent event with the id to resume after it. */
export interface IdentifiedEvent extends EventSourceMessage {
  id: string;
}

/** The server sends a comment every 15 s; milliseconds of silence after which a connection counts as dead. */
const longestSilence = 45_000;

/**
 * The events of one stream, over as many connections as it takes: after a cut it goes on behind the last event that was
 * handed out, so that none is lost or doubled. Until its first connection stands, the client's retry policy bounds the
 * tries; so it does for a stream that is not followed. A followed one that stood once is resumed for as long as the
 * caller listens. It ends with the server's `end` event, or, when not following, with the connection.
 */
export async function* resumableEvents(
  transport: Transport,
  path: string,
  options: StreamOptions,
): AsyncGenerator<IdentifiedEvent> {
  const backoff = createBackoff({ first: transport.retry.firstDelay, max: transport.retry.maxDelay });
  let lastEventId = options.lastEventId ?? '';
  let isFollowed = false;
  for (let failures = 0; ; failures += 1) {
    try {
      for await (const event of eventsOfConnection(transport, streamRequest(path, lastEventId, options))) {
        isFollowed = options.follow !== false;
        failures = -1;
        backoff.reset();
        lastEventId = event.id || lastEventId;
        yield { ...event, id: lastEventId };
        if (event.event === 'end') return;
      }
      if (options.follow === false) return;
      await sleep(transport.clock, backoff.next(), options.signal);
    } catch (error) {
      const mayRetry = isPassing(error) && (isFollowed || failures < transport.retry.retries);
      if (!mayRetry) throw error;
      await sleep(transport.clock, pauseAfter(error, backoff.next()), options.signal);
    }
  }
}

function streamRequest(path: string, lastEventId: string, options: StreamOptions): ApiRequest {
  return {
    method: 'GET',
    path,
    query: { follow: options.follow === false ? false : undefined },
    headers: { accept: 'text/event-stream', ...(lastEventId && { 'last-event-id': lastEventId }) },
    signal: options.signal,
  };
}

/** The events of one connection, until it is closed (return), or cut or silent for too long (`NetworkError`). */
async function* eventsOfConnection(transport: Transport, request: ApiRequest): AsyncGenerator<IdentifiedEvent> {
  const silence = createSilenceAlarm(transport);
  const signal = request.signal ? AbortSignal.any([request.signal, silence.signal]) : silence.signal;
  try {
    const response = await send(transport, { ...request, signal });
    yield* parseEvents(response, silence.restart);
  } catch (error) {
    if (error instanceof ApiError || error instanceof NetworkError) throw error;
    throw networkErrorOf(transport.baseUrl, error, request.signal);
  } finally {
    silence.stop();
  }
}

async function* parseEvents(response: Response, onBytes: () => void): AsyncGenerator<IdentifiedEvent> {
  const decoder = new TextDecoder();
  const parsed: IdentifiedEvent[] = [];
  const parser = createParser({ onEvent: (event) => parsed.push({ ...event, id: event.id ?? '' }) });
  const reader = response.body?.getReader();
  try {
    for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
      onBytes();
      parser.feed(decoder.decode(chunk.value, { stream: true }));
      yield* parsed.splice(0);
    }
  } finally {
    // The reader may have left early; the connection has nobody to serve then. A cut one has nothing to cancel.
    reader?.cancel().catch(() => undefined);
  }
}

/** Aborts its signal when nothing was heard for too long. */
function createSilenceAlarm({ clock }: Transport): SilenceAlarm {
  const controller = new AbortController();
  const arm = () =>
    clock.after(longestSilence, () => controller.abort(new DOMException('no sign of life', 'TimeoutError')));
  let disarm = arm();
  return {
    signal: controller.signal,
    restart: () => {
      disarm();
      disarm = arm();
    },
    stop: () => disarm(),
  };
}

interface SilenceAlarm {
  signal: AbortSignal;
  /** Something was heard. */
  restart: () => void;
  stop: () => void;
}
