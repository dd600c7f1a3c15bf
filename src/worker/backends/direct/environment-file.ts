/**
 * What a setup command leaves for the agent, in dotenv syntax: `NAME=value` lines with an optional `export`, comments,
 * values bare, in single quotes (literal) or in double quotes (escapes, `$NAME`), quoted ones over several lines.
 * `$NAME` and `${NAME}` stand for an earlier variable of the file, or for nothing.
 *
 * A line that is none of this throws an `EnvironmentFileError`: half an environment is worse than none.
 */
export function parseEnvironmentFile(text: string): Record<string, string> {
  // Without a prototype: `$constructor` is no variable.
  const variables = Object.create(null) as Record<string, string>;
  const source = text.replaceAll('\r\n', '\n');
  for (let at = skipBlank(source, 0); at < source.length;) {
    const assignment = readAssignment(source, at, variables);
    // No process can be given one, and the refusal of the attempt would show the value.
    if (assignment.value.includes('\0')) throw new EnvironmentFileError(source, at, 'holds a NUL character');
    variables[assignment.name] = assignment.value;
    at = skipBlank(source, assignment.end);
  }
  return variables;
}

/** Names the line alone: what stands in it may be a secret. */
class EnvironmentFileError extends Error {
  constructor(source: string, at: number, what: string) {
    super(`line ${source.slice(0, at).split('\n').length} of the environment file ${what}`);
    this.name = 'EnvironmentFileError';
  }
}

interface Read {
  value: string;
  end: number;
}

function readAssignment(source: string, at: number, earlier: Record<string, string>): Read & { name: string } {
  const head = matchAt(/(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*/y, source, at);
  if (head?.[1] === undefined) throw new EnvironmentFileError(source, at, 'is not NAME=value');
  const start = at + head[0].length;
  const quote = source[start];
  const read =
    quote === "'" || quote === '"' ? readQuoted(source, start, quote, earlier) : readBare(source, start, earlier);
  return { name: head[1], ...read };
}

function readQuoted(source: string, start: number, quote: string, earlier: Record<string, string>): Read {
  const pattern = quote === "'" ? /'([^']*)'/y : /"((?:[^"\\]|\\[^])*)"/y;
  const quoted = matchAt(pattern, source, start);
  if (quoted?.[1] === undefined) throw new EnvironmentFileError(source, start, `opens a ${quote} that is never closed`);
  const end = start + quoted[0].length;
  const rest = matchAt(/[ \t]*(?:#[^\n]*)?(?=\n|$)/y, source, end);
  if (rest === undefined) throw new EnvironmentFileError(source, end, 'goes on after its closing quote');
  return { value: quote === "'" ? quoted[1] : expandEscaped(quoted[1], earlier), end: end + rest[0].length };
}

/** A bare value ends at the line's end, or at a `#` after a blank. */
function readBare(source: string, start: number, earlier: Record<string, string>): Read {
  const line = matchAt(/[^\n]*/y, source, start)?.[0] ?? '';
  const value = line.replace(/(^|[ \t]+)#.*$/, '').trimEnd();
  return { value: expand(value, earlier), end: start + line.length };
}

const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t' };

function expandEscaped(value: string, earlier: Record<string, string>): string {
  return value.replaceAll(
    /\\([^])|\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)/g,
    (_all, escaped: string | undefined, braced: string | undefined, plain: string | undefined) =>
      escaped === undefined ? (earlier[braced ?? plain ?? ''] ?? '') : (escapes[escaped] ?? escaped),
  );
}

function expand(value: string, earlier: Record<string, string>): string {
  return value.replaceAll(
    /\\\$|\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)/g,
    (all, braced: string | undefined, plain: string | undefined) =>
      all === '\\$' ? '$' : (earlier[braced ?? plain ?? ''] ?? ''),
  );
}

function skipBlank(source: string, at: number): number {
  return at + (matchAt(/(?:\s|#[^\n]*)*/y, source, at)?.[0].length ?? 0);
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source) ?? undefined;
}
