import { applyCodes, classesOf, plainStyle, tokenize, type Style, type Token } from './ansi.ts';

interface Span {
  readonly text: string;
  readonly className: string;
}

export interface Line {
  /** Counts from 0 over all that was ever written, so that it stays the line's key when earlier ones are dropped. */
  readonly number: number;
  readonly spans: readonly Span[];
}

interface Source {
  readonly style: Style;
  /** The beginning of an escape sequence that the next chunk continues. */
  readonly rest: string;
}

/** Output as people read it: lines of styled text, the last of which may still grow. */
export interface Terminal {
  readonly lines: readonly Line[];
  /** Whether a carriage return was the last thing written: what comes next overwrites the line. */
  readonly returned: boolean;
  /** The streams written to it, by name; each has a style of its own. */
  readonly sources: Readonly<Record<string, Source>>;
}

/** More lines than this make a page slow; the whole output is the command line's affair. */
export const maxLines = 5000;
/** UTF-16 code units after which a line is broken. */
const maxLineLength = 4000;

export const emptyTerminal: Terminal = { lines: [], returned: false, sources: {} };

/** Adds a chunk of the named stream. `sourceClass` marks its text, as `stderr` does. */
export function write(terminal: Terminal, chunk: string, source = 'stdout', sourceClass = ''): Terminal {
  const from = terminal.sources[source] ?? { style: plainStyle, rest: '' };
  const { tokens, rest } = tokenize(from.rest + chunk);
  const screen = { lines: [...terminal.lines], returned: terminal.returned };
  let { style } = from;
  for (const token of tokens) {
    if (token.kind === 'style') style = applyCodes(style, token.codes);
    else put(screen, token, [sourceClass, classesOf(style)].filter(Boolean).join(' '));
  }
  return {
    lines: screen.lines.slice(-maxLines),
    returned: screen.returned,
    sources: { ...terminal.sources, [source]: { style, rest } },
  };
}

/** All lines but an empty last one, on which nothing has been written yet. */
export function shownLines({ lines }: Terminal): readonly Line[] {
  return lines.at(-1)?.spans.length === 0 ? lines.slice(0, -1) : lines;
}

/** How many lines were dropped from the beginning. */
export function droppedLines(terminal: Terminal): number {
  return terminal.lines[0]?.number ?? 0;
}

interface Screen {
  lines: Line[];
  returned: boolean;
}

function put(screen: Screen, token: Exclude<Token, { kind: 'style' }>, className: string): void {
  const last = screen.lines.at(-1) ?? addLine(screen);
  if (token.kind === 'newline') {
    addLine(screen);
    screen.returned = false;
  } else if (token.kind === 'return') {
    screen.returned = true;
  } else {
    const line = screen.returned ? { ...last, spans: [] } : last;
    screen.returned = false;
    addText(screen, line, { text: token.text, className });
  }
}

function addText(screen: Screen, line: Line, span: Span): void {
  const room = maxLineLength - line.spans.reduce((length, { text }) => length + text.length, 0);
  screen.lines[screen.lines.length - 1] = {
    ...line,
    spans: joined(line.spans, { ...span, text: span.text.slice(0, room) }),
  };
  if (span.text.length > room) addText(screen, addLine(screen), { ...span, text: span.text.slice(room) });
}

function joined(spans: readonly Span[], span: Span): readonly Span[] {
  const last = spans.at(-1);
  if (last?.className !== span.className) return [...spans, span];
  return [...spans.slice(0, -1), { ...last, text: last.text + span.text }];
}

function addLine(screen: Screen): Line {
  const line: Line = { number: (screen.lines.at(-1)?.number ?? -1) + 1, spans: [] };
  screen.lines.push(line);
  return line;
}
