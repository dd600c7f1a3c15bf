import {
  consoleStreamEventSchema,
  runStreamEventSchema,
  type ConsoleStreamEvent,
  type RunStreamEvent,
} from '../protocol/streams.ts';
import { resumableEvents, type StreamOptions } from './event-stream.ts';
import type { Transport } from './transport.ts';

export async function* streamRun(
  transport: Transport,
  path: string,
  options: StreamOptions,
): AsyncGenerator<RunStreamEvent & { id: string }> {
  for await (const { event, data, id } of resumableEvents(transport, path, options)) {
    // A newer server may send events that this client has never heard of.
    if (event !== 'state' && event !== 'entry' && event !== 'end') continue;
    yield { ...runStreamEventSchema.parse({ event, data: JSON.parse(data) }), id };
  }
}

export async function* streamConsole(
  transport: Transport,
  path: string,
  options: StreamOptions,
): AsyncGenerator<ConsoleStreamEvent & { id: string }> {
  for await (const { event, data, id } of resumableEvents(transport, path, options)) {
    if (event !== 'console' && event !== 'end') continue;
    yield { ...consoleStreamEventSchema.parse({ event, data: JSON.parse(data) }), id };
  }
}
