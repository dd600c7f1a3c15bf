import type { RunStreamEvent } from '../protocol/streams.ts';
import type { Entry } from '../protocol/transcript.ts';
import { createPaint, stateStyles } from './colours.ts';
import { plain } from './plain.ts';
import type { Terminal } from './terminal.ts';

/** Shows a transcript entry by entry. */
export interface TranscriptView {
  entry(entry: Entry): void;
  state(change: StateChange): void;
  /** Why a queued run waits. */
  waiting(reason: string): void;
  /** Nothing more will come. */
  end(): void;
}

type StateChange = Extract<RunStreamEvent, { event: 'state' }>['data'];

/** One JSON object a line; a change of state is one of type `state`. */
export function jsonTranscript(terminal: Terminal): TranscriptView {
  const print = (value: object) => terminal.stdout(`${JSON.stringify(value)}\n`);
  return {
    entry: print,
    state: (change) => print({ type: 'state', ...change }),
    waiting: (reason) => print({ type: 'waiting', reason }),
    end: () => {},
  };
}

/** For people: what is said and a tool's output as it is, the rest in a line each; changes of state on standard error. */
export function textTranscript(terminal: Terminal): TranscriptView {
  const paint = createPaint(terminal.colour);
  let atLineStart = true;
  const print = (text: string) => {
    if (text === '') return;
    terminal.stdout(text);
    atLineStart = text.endsWith('\n');
  };
  const endLine = () => {
    if (!atLineStart) print('\n');
  };
  const printLine = (text: string) => {
    endLine();
    print(`${text}\n`);
  };
  return {
    entry(entry) {
      if (entry.type === 'delta') return print(entry.text);
      if (entry.type === 'agent_message') return (endLine(), print(entry.text));
      const line = lineOf(entry);
      return line === undefined ? undefined : printLine(paint(line.style, line.text));
    },
    state({ state, status_message: status }) {
      endLine();
      const reason = status ? `: ${plain(status.message)}` : '';
      terminal.stderr(`${paint('dim', 'Agent state:')} ${paint(stateStyles[state], state)}${reason}\n`);
    },
    waiting(reason) {
      endLine();
      terminal.stderr(`${paint('dim', `Waiting: ${plain(reason)}`)}\n`);
    },
    end: endLine,
  };
}

interface Line {
  text: string;
  style: 'bold' | 'dim' | 'cyan' | 'red';
}

/** What people see of an entry that is no plain text; undefined for what goes without saying. */
function lineOf(entry: Exclude<Entry, { type: 'delta' | 'agent_message' }>): Line | undefined {
  switch (entry.type) {
    case 'user_message':
      return { text: `> ${entry.text.trimEnd().replaceAll('\n', '\n> ')}`, style: 'bold' };
    case 'agent_reasoning':
      return { text: entry.text, style: 'dim' };
    case 'tool_call':
      return { text: `[${entry.tool}]`, style: 'cyan' };
    case 'tool_result':
      return entry.state === 'completed' ? undefined : { text: resultOf(entry.output), style: 'red' };
    case 'event':
      break;
  }
  return { text: `[${entry.name}] ${JSON.stringify(entry.data)}`, style: 'dim' };
}

/** `{exit_code: 3}` as `[exit code 3]`. */
function resultOf(output: Record<string, unknown>): string {
  const facts = Object.entries(output).map(([name, value]) => {
    return `${name.replaceAll('_', ' ')} ${typeof value === 'string' ? plain(value) : JSON.stringify(value)}`;
  });
  return `[${facts.join(', ')}]`;
}
