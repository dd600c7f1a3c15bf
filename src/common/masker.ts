/**
 * Hides secrets in a stream of bytes, also where one is split over chunks: what may be the beginning of a secret is held
 * back until it is decided. Overlapping secrets are hidden together, as one. What comes out depends on the bytes alone,
 * never on how they were cut into chunks, as long as nothing is flushed in between.
 */
export interface Masker {
  /** The masked bytes that are decided by now. */
  push(chunk: Buffer): Buffer;
  /**
   * What was held back, at the stream's end or when it pauses: a short beginning of a secret as it is, a longer one
   * masked. The stream may go on afterwards, and the rest of such a secret is masked too.
   */
  flush(): Buffer;
}

const mask = Buffer.from('***');
/** Bytes of a secret's beginning that a pause may show: too few to be of use, enough for ordinary text to get through. */
const harmlessBytes = 3;

export function createMasker(secrets: readonly string[]): Masker {
  const needles = [...new Set(secrets)].filter((secret) => secret !== '').map((secret) => Buffer.from(secret));
  let held: Held = { bytes: Buffer.alloc(0), told: 0, masked: false };
  return {
    push(chunk) {
      const bytes = Buffer.concat([held.bytes, chunk]);
      const matches = findMatches(bytes, needles);
      const decided = decidedLength(bytes, needles, matches);
      const output = render(held, bytes, decided, matches);
      const told = Math.max(0, held.told - decided);
      held = { bytes: bytes.subarray(decided), told, masked: held.masked && told > 0 };
      return output;
    },
    flush() {
      const untold = held.bytes.subarray(held.told);
      const hide = held.bytes.length > harmlessBytes || findMatches(held.bytes, needles).length > 0;
      const output = untold.length === 0 || (hide && held.masked) ? Buffer.alloc(0) : hide ? mask : untold;
      held = { bytes: held.bytes, told: held.bytes.length, masked: hide };
      return output;
    },
  };
}

/** Bytes that are not decided yet; the first `told` of them were shown by a flush, as they are or `masked`. */
interface Held {
  bytes: Buffer;
  told: number;
  masked: boolean;
}

interface Match {
  start: number;
  end: number;
}

/** Where secrets stand, in order, overlapping ones as one. */
function findMatches(bytes: Buffer, needles: readonly Buffer[]): Match[] {
  const found = needles.flatMap((needle) => findAll(bytes, needle)).sort((a, b) => a.start - b.start);
  const merged: Match[] = [];
  for (const match of found) {
    const last = merged.at(-1);
    if (last !== undefined && match.start < last.end) last.end = Math.max(last.end, match.end);
    else merged.push(match);
  }
  return merged;
}

function findAll(bytes: Buffer, needle: Buffer): Match[] {
  const found: Match[] = [];
  for (let start = bytes.indexOf(needle); start !== -1; start = bytes.indexOf(needle, start + 1)) {
    found.push({ start, end: start + needle.length });
  }
  return found;
}

/** Everything before the first byte that may yet turn out to belong to a secret, or to a match that may yet grow. */
function decidedLength(bytes: Buffer, needles: readonly Buffer[], matches: readonly Match[]): number {
  const open = Math.min(bytes.length, ...needles.map((needle) => openStart(bytes, needle)));
  return matches.find((match) => match.start < open && open < match.end)?.start ?? open;
}

/** Where the longest proper beginning of the secret stands that the bytes end with. */
function openStart(bytes: Buffer, needle: Buffer): number {
  let start = Math.max(0, bytes.length - needle.length + 1);
  while (start < bytes.length && !needle.subarray(0, bytes.length - start).equals(bytes.subarray(start))) start += 1;
  return start;
}

function render(held: Held, bytes: Buffer, decided: number, matches: readonly Match[]): Buffer {
  const parts: Buffer[] = [];
  let position = held.told;
  for (const match of matches) {
    if (match.start >= decided || match.end <= position) continue;
    parts.push(bytes.subarray(position, Math.max(position, match.start)));
    if (match.start >= held.told || !held.masked) parts.push(mask);
    position = match.end;
  }
  if (position < decided) parts.push(bytes.subarray(position, decided));
  return Buffer.concat(parts);
}
