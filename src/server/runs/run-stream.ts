import type { RunId } from '../../protocol/ids.ts';
import { isTerminal } from '../../protocol/states.ts';
import type { RunStreamEvent } from '../../protocol/streams.ts';
import type { Database } from '../store/database.ts';
import { entriesAfter, findRunLife, stateEventsAfter, type StateEvent } from '../store/run-history.ts';
import { afterEventId, pageSize, type StreamPage } from './stream-page.ts';

/**
 * Reads a run's states and entries on from where the last call, or the event id that it was made with, ended. Event ids
 * are described in protocol/streams.ts.
 */
export function createRunStreamReader(db: Database, runId: RunId, lastEventId: string | undefined) {
  const sent = afterEventId(lastEventId);
  return async (): Promise<StreamPage<RunStreamEvent>> => {
    // In this order, a run seen as terminal has nothing that the two reads after it could miss.
    const life = await findRunLife(db, runId);
    const states = await stateEventsAfter(db, runId, sent.sequence, pageSize);
    const entries = await entriesAfter(db, runId, sent.index, pageSize);
    const isMore = states.length === pageSize || entries.length === pageSize;
    const events: StreamPage<RunStreamEvent>['events'] = [];
    const add = (event: RunStreamEvent) => events.push({ ...event, id: `${sent.sequence}.${sent.index}` });
    const addStates = (some: StateEvent[]) => {
      for (const state of some) {
        sent.sequence = Number(state.sequence);
        add({ event: 'state', data: toStateData(state) });
      }
    };

    const { before, closing } = splitClosing(states);
    addStates(before);
    for (const entry of entries) {
      sent.index = entry.index;
      add({ event: 'entry', data: entry });
    }
    if (isMore) return { events, reached: 'more' };
    addStates(closing);
    if (!isTerminal(life.state)) return { events, reached: 'caughtUp' };
    add({ event: 'end', data: { state: life.state } });
    return { events, reached: 'over' };
  };
}

/** The outcome comes after the entries that led to it. */
function splitClosing(states: StateEvent[]): { before: StateEvent[]; closing: StateEvent[] } {
  const last = states.at(-1);
  if (states.length === pageSize || !last || !isTerminal(last.data.state)) return { before: states, closing: [] };
  return { before: states.slice(0, -1), closing: [last] };
}

function toStateData({ sequence, data, occurred_at }: StateEvent) {
  return {
    sequence: Number(sequence),
    state: data.state,
    status_message: data.status_message,
    occurred_at: occurred_at.toISOString(),
  };
}
