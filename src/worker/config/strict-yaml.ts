import { isNode, LineCounter, parseDocument, visit, type Document, type Scalar, type YAMLParseError } from 'yaml';
import type { z } from 'zod';
import { CodedError } from '../../protocol/errors.ts';

/**
 * Reads a YAML text by a schema, which sees every value as it was written, as a string: `value: 0777` is meant so where
 * a string is wanted. What is wrong with it is refused with `invalid_request` in one line that names the
 * file, the line and the key; `file` is only what that line calls it.
 */
export function readStrictYaml<T>(text: string, file: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) {
    throw refusal(file, lines.linePos(syntaxError.pos[0]).line, describeSyntax(syntaxError, text));
  }
  visit(document, { Scalar: (_key, node) => keepAsWritten(node) });
  if (document.contents === null) throw new CodedError('invalid_request', `${file} is empty.`);
  const parsed = schema.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  throw describeIssue(parsed.error, file, document, lines);
}

/** Null stays null, so that a key without a value can be told from an empty one. */
function keepAsWritten(node: Scalar): void {
  if (typeof node.value === 'number' || typeof node.value === 'boolean') node.value = node.source ?? String(node.value);
}

function describeSyntax({ code, message, pos }: YAMLParseError, text: string): string {
  if (code !== 'DUPLICATE_KEY') return message;
  return `${/^[^\s:]+/.exec(text.slice(pos[0]))?.[0] ?? 'a key'}: stands here a second time`;
}

function describeIssue(error: z.ZodError, file: string, document: Document, lines: LineCounter): CodedError {
  const [issue] = error.issues;
  if (issue === undefined) return new CodedError('invalid_request', `${file} is not valid.`);
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const path = [...issue.path.map(toKey), ...unknown];
  const what = unknown.length > 0 ? 'is not a known key' : issue.message + received(document.getIn(path));
  return refusal(file, lineOf(path, document, lines), `${path.join('.') || 'the file'}: ${what}`);
}

/** The value as it was read, as long as it is a plain one. The file's reader is whoever wrote it. */
function received(value: unknown): string {
  return typeof value === 'string' ? `; it is ${JSON.stringify(value)}` : '';
}

function toKey(part: PropertyKey): string | number {
  return typeof part === 'symbol' ? String(part) : part;
}

/** The line of the value at the path, or of the nearest one around it that the text has. */
function lineOf(path: (string | number)[], document: Document, lines: LineCounter): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function refusal(file: string, line: number, what: string): CodedError {
  return new CodedError('invalid_request', `${file}, line ${line}: ${what.replaceAll(/\s*\n\s*/g, ' ')}`);
}
