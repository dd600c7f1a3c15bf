/** What an SGR sequence has switched on, as class names: `bold`, `fg-red`, `bg-blue`… */
export interface Style {
  readonly color?: string;
  readonly background?: string;
  readonly marks: readonly string[];
}

export const plainStyle: Style = { marks: [] };

export type Token =
  | { kind: 'text'; text: string }
  | { kind: 'style'; codes: readonly number[] }
  | { kind: 'newline' }
  | { kind: 'return' };

// Escape sequences are control characters by definition.
/* oxlint-disable no-control-regex */
/** A CSI, OSC or short escape sequence, a line end, or another control character but the tab. */
const controls =
  /\u001b\[([0-?]*)[ -/]*([@-~])|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[ -/]*[0-~]|\n|\r|[\u0000-\u0008\u000b-\u001f\u007f]/g;
/** The beginning of a sequence whose rest comes with the next chunk. */
const unfinished = /\u001b(?:\[[0-?]*[ -/]*|[\]PX^_][^\u0007\u001b]*\u001b?|[ -/]*)$/;
/* oxlint-enable no-control-regex */

/** UTF-16 code units of an unfinished sequence that are kept; more is no escape sequence but binary output. */
const maxUnfinished = 4096;

/** Splits terminal output into text and what matters of its control sequences; `rest` belongs before the next chunk. */
export function tokenize(output: string): { tokens: Token[]; rest: string } {
  const rest = unfinished.exec(output)?.[0] ?? '';
  const complete = output.slice(0, output.length - rest.length);
  const tokens: Token[] = [];
  let end = 0;
  for (const match of complete.matchAll(controls)) {
    if (match.index > end) tokens.push({ kind: 'text', text: complete.slice(end, match.index) });
    const token = tokenOf(match);
    if (token) tokens.push(token);
    end = match.index + match[0].length;
  }
  if (end < complete.length) tokens.push({ kind: 'text', text: complete.slice(end) });
  return { tokens, rest: rest.length > maxUnfinished ? '' : rest };
}

/** Everything that moves a cursor or rings a bell is dropped: this is a log, not a terminal. */
function tokenOf([sequence, parameters, final]: RegExpExecArray): Token | undefined {
  if (sequence === '\n') return { kind: 'newline' };
  if (sequence === '\r') return { kind: 'return' };
  if (final === 'm') return { kind: 'style', codes: (parameters ?? '').split(/[;:]/).map(Number) };
  return undefined;
}

const colors = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const marks: Record<number, string> = { 1: 'bold', 2: 'dim', 3: 'italic', 4: 'underline', 9: 'strike' };
const endOfMarks: Record<number, readonly string[]> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  29: ['strike'],
};

/** The style after an SGR sequence. Of the 256 colours the first 16 are shown; other extended colours are not. */
export function applyCodes(style: Style, codes: readonly number[]): Style {
  let next = style;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 38 || code === 48) {
      next = withColor(next, code === 38, codes[i + 1] === 5 ? basicColor(codes[i + 2]) : undefined);
      i += codes[i + 1] === 5 ? 2 : 4;
    } else {
      next = applyCode(next, code);
    }
  }
  return next;
}

function applyCode(style: Style, code: number): Style {
  if (code === 0) return plainStyle;
  const mark = marks[code];
  if (mark) return { ...style, marks: [...new Set([...style.marks, mark])] };
  const ended = endOfMarks[code];
  if (ended) return { ...style, marks: style.marks.filter((name) => !ended.includes(name)) };
  if (code >= 30 && code <= 37) return withColor(style, true, basicColor(code - 30));
  if (code >= 40 && code <= 47) return withColor(style, false, basicColor(code - 40));
  if (code >= 90 && code <= 97) return withColor(style, true, basicColor(code - 82));
  if (code >= 100 && code <= 107) return withColor(style, false, basicColor(code - 92));
  if (code === 39 || code === 49) return withColor(style, code === 39, undefined);
  return style;
}

/** `red` for 1, `bright-red` for 9. */
function basicColor(number: number | undefined): string | undefined {
  const color = colors[(number ?? 0) % 8];
  if (number === undefined || number > 15) return undefined;
  return number < 8 ? color : `bright-${color}`;
}

function withColor(style: Style, foreground: boolean, color: string | undefined): Style {
  const { color: oldColor, background: oldBackground } = style;
  const front = foreground ? color : oldColor;
  const back = foreground ? oldBackground : color;
  return { ...(front && { color: front }), ...(back && { background: back }), marks: style.marks };
}

export function classesOf(style: Style): string {
  const names = [...style.marks];
  if (style.color) names.push(`fg-${style.color}`);
  if (style.background) names.push(`bg-${style.background}`);
  return names.join(' ');
}
