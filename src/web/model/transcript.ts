import type { Entry } from '../../protocol/transcript.ts';
import { emptyTerminal, write, type Terminal } from './terminal.ts';

type EntryOf<T extends Entry['type']> = Extract<Entry, { type: T }>;

export interface MessageItem {
  readonly kind: 'message';
  readonly index: number;
  readonly author: 'user' | 'agent' | 'reasoning';
  readonly text: string;
}

export interface ToolItem {
  readonly kind: 'tool';
  readonly index: number;
  readonly call: EntryOf<'tool_call'>;
  readonly output: Terminal;
  /** Absent while the tool works. */
  readonly result?: EntryOf<'tool_result'>;
}

export interface EventItem {
  readonly kind: 'event';
  readonly index: number;
  readonly event: EntryOf<'event'>;
}

export type TranscriptItem = MessageItem | ToolItem | EventItem;

const authors = { user_message: 'user', agent_message: 'agent', agent_reasoning: 'reasoning' } as const;

/** Folds further entries into what a reader sees: deltas and results join the item that they belong to. */
export function addEntries(items: readonly TranscriptItem[], entries: readonly Entry[]): TranscriptItem[] {
  const next = [...items];
  const positions = new Map(next.map((item, position) => [item.index, position]));
  for (const entry of entries) {
    const item = newItem(entry);
    if (item) {
      positions.set(item.index, next.length);
      next.push(item);
    } else {
      extend(next, positions, entry);
    }
  }
  return next;
}

function newItem(entry: Entry): TranscriptItem | undefined {
  const { index } = entry;
  switch (entry.type) {
    case 'user_message':
    case 'agent_message':
    case 'agent_reasoning':
      return { kind: 'message', index, author: authors[entry.type], text: entry.text };
    case 'tool_call':
      return { kind: 'tool', index, call: entry, output: emptyTerminal };
    case 'event':
      return { kind: 'event', index, event: entry };
    case 'delta':
    case 'tool_result':
      return undefined;
    default:
      return entry satisfies never;
  }
}

/** An entry that names an item which is not there is left out: there is nowhere to show it. */
function extend(items: TranscriptItem[], positions: ReadonlyMap<number, number>, entry: Entry): void {
  if (entry.type !== 'delta' && entry.type !== 'tool_result') return;
  const position = positions.get(entry.type === 'delta' ? entry.extends : entry.call);
  const item = position === undefined ? undefined : items[position];
  if (position === undefined || !item) return;
  if (entry.type === 'delta') items[position] = grown(item, entry);
  else if (item.kind === 'tool') items[position] = { ...item, result: entry };
}

function grown(item: TranscriptItem, { text, stream = 'stdout' }: EntryOf<'delta'>): TranscriptItem {
  if (item.kind === 'message') return { ...item, text: item.text + text };
  if (item.kind === 'tool')
    return { ...item, output: write(item.output, text, stream, stream === 'stderr' ? stream : '') };
  return item;
}

export interface ToolEnd {
  readonly words: string;
  readonly failed: boolean;
}

const endWords = { completed: 'Completed', failed: 'Failed', denied: 'Denied' };

/** How a tool call ended: by its exit code or signal where it names one. */
export function toolEnd({ state, output }: EntryOf<'tool_result'>): ToolEnd {
  const failed = state !== 'completed';
  if (typeof output['exit_code'] === 'number') return { words: `Exit code ${output['exit_code']}`, failed };
  if (typeof output['signal'] === 'string') return { words: `Killed by ${output['signal']}`, failed };
  return { words: endWords[state], failed };
}

/** What of a result is not said by `toolEnd`. */
export function resultDetails({ output }: EntryOf<'tool_result'>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(output).filter(([name]) => name !== 'exit_code' && name !== 'signal'));
}

/** Whether a tool call's input says what the reader of the prompt knows; the agent shortens a long one. */
export function repeatsPrompt(input: unknown, prompt: string): boolean {
  if (typeof input !== 'string') return false;
  return input === prompt || (input.endsWith('…') && prompt.startsWith(input.slice(0, -1)));
}
