import { CodedError } from '../../protocol/errors.ts';

/** What a watcher is sent next. */
export interface StreamPage<Event> {
  events: (Event & { id: string })[];
  /** `more`: read again at once. `caughtUp`: wait for news. `over`: nothing will ever follow. */
  reached: 'more' | 'caughtUp' | 'over';
}

/** Rows read at a time: a slow watcher keeps so many in memory, and each may be 64 KiB. */
export const pageSize = 50;

/** `<event sequence>.<entry index>`; without one, the start. */
export function afterEventId(id: string | undefined): { sequence: number; index: number } {
  if (id === undefined) return { sequence: -1, index: -1 };
  const [, sequence, index] = /^(-1|\d{1,15})\.(-1|\d{1,9})$/.exec(id) ?? [];
  if (sequence === undefined) throw unknownEventId(id);
  return { sequence: Number(sequence), index: Number(index) };
}

/** The id of a console chunk; without one, the start. */
export function afterChunkId(id: string | undefined): number {
  if (id === undefined) return -1;
  if (!/^(-1|\d{1,15})$/.test(id)) throw unknownEventId(id);
  return Number(id);
}

function unknownEventId(id: string): CodedError {
  return new CodedError('invalid_request', `The Last-Event-ID "${id.slice(0, 64)}" is not one of this stream.`);
}
