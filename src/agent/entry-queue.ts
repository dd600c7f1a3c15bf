import { CodedError } from '../protocol/errors.ts';
import { maxEntriesPerAppend, maxEntryText, type Entry } from '../protocol/transcript.ts';
import type { OutputStream } from './recorder.ts';

type WithoutNumbers<E> = E extends Entry ? Omit<E, 'index' | 'turn' | 'at'> : never;
export type NewEntry = WithoutNumbers<Entry>;

/** UTF-16 code units of text in one delivery, at most: some megabytes of JSON at worst, far below a server's limit. */
const maxBatchText = 1_048_576;

/**
 * Entries that the server has not acknowledged yet, numbered in the order they came. An entry that has been handed out
 * for delivery may have arrived, and is never changed again; text for one that has not is joined to it.
 */
export interface EntryQueue {
  add(entry: NewEntry): number;
  /** Adds a piece of text, at most as long as an entry may be, to the message or tool call `target`. */
  extend(target: number, text: string, stream?: OutputStream): void;
  /** The next delivery. The same again until something is acknowledged, perhaps with more at its end. */
  batch(): Entry[];
  /** Entries that it has not answered before, in deliveries. Like what was handed out, they are not changed any more. */
  unkept(): Entry[][];
  /** Forgets what lies below the index that the server expects next. */
  acknowledge(nextIndex: number): void;
  isEmpty(): boolean;
  /** UTF-16 code units of text that wait. */
  textLength(): number;
}

export function createEntryQueue(options: { firstIndex: number; turn: number; now: () => number }): EntryQueue {
  const entries: Entry[] = [];
  let nextIndex = options.firstIndex;
  let handedOut = options.firstIndex;
  let kept = options.firstIndex;
  let length = 0;

  const add = (entry: NewEntry): number => {
    const index = nextIndex++;
    const numbers = { index, turn: options.turn, at: new Date(options.now()).toISOString() };
    entries.push({ ...numbers, ...entry });
    length += textOf(entry).length;
    return index;
  };

  return {
    add,
    extend(target, text, stream) {
      const last = entries.at(-1);
      if (last && last.index >= handedOut && continues(last, target, text, stream)) {
        last.text += text;
        length += text.length;
      } else {
        add({ type: 'delta', extends: target, ...(stream && { stream }), text });
      }
    },
    batch() {
      const batch = entries.slice(0, batchSize(entries));
      handedOut = Math.max(handedOut, (batch.at(-1)?.index ?? -1) + 1);
      return batch;
    },
    unkept() {
      const rest = entries.filter(({ index }) => index >= kept);
      handedOut = kept = nextIndex;
      const batches: Entry[][] = [];
      while (rest.length > 0) batches.push(rest.splice(0, batchSize(rest)));
      return batches;
    },
    acknowledge(expected) {
      const first = entries[0]?.index ?? nextIndex;
      if (expected <= first || expected > handedOut) throw outOfStep(expected, first, handedOut);
      for (const entry of entries.splice(0, expected - first)) length -= textOf(entry).length;
    },
    isEmpty: () => entries.length === 0,
    textLength: () => length,
  };
}

type Delta = Extract<Entry, { type: 'delta' }>;

function continues(last: Entry, target: number, text: string, stream: OutputStream | undefined): last is Delta {
  const isSame = last.type === 'delta' && last.extends === target && last.stream === stream;
  return isSame && last.text.length + text.length <= maxEntryText;
}

function batchSize(entries: readonly Entry[]): number {
  let size = 0;
  for (let text = 0; size < Math.min(entries.length, maxEntriesPerAppend); size += 1) {
    text += textOf(entries[size] as Entry).length;
    if (text > maxBatchText && size > 0) break;
  }
  return size;
}

function textOf(entry: NewEntry): string {
  return 'text' in entry ? entry.text : '';
}

function outOfStep(expected: number, first: number, handedOut: number): CodedError {
  const between = `${first + 1} to ${handedOut}`;
  return new CodedError('conflict', `The server expects transcript entry ${expected}, where ${between} was possible.`);
}
