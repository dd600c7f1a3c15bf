import type { RunId } from '../../protocol/ids.ts';
import { isTerminal } from '../../protocol/states.ts';
import type { ConsoleStreamEvent } from '../../protocol/streams.ts';
import type { Database } from '../store/database.ts';
import { consoleAfter, findRunLife } from '../store/run-history.ts';
import { afterChunkId, pageSize, type StreamPage } from './stream-page.ts';

/** Reads a run's console on from where the last call, or the event id that it was made with, ended. */
export function createConsoleStreamReader(db: Database, runId: RunId, lastEventId: string | undefined) {
  let sent = afterChunkId(lastEventId);
  return async (): Promise<StreamPage<ConsoleStreamEvent>> => {
    const life = await findRunLife(db, runId);
    const chunks = await consoleAfter(db, runId, sent, pageSize);
    const events: StreamPage<ConsoleStreamEvent>['events'] = chunks.map(({ id, stream, byte_offset, data }) => ({
      event: 'console',
      id,
      data: { stream, offset: Number(byte_offset), data: data.toString('base64') },
    }));
    sent = Number(chunks.at(-1)?.id ?? sent);
    if (chunks.length === pageSize) return { events, reached: 'more' };
    // Teardown writes on after the outcome.
    if (!isTerminal(life.state) || life.is_executing) return { events, reached: 'caughtUp' };
    events.push({ event: 'end', id: String(sent), data: { state: life.state } });
    return { events, reached: 'over' };
  };
}
