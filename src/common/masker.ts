import { createNeedleSearch, type NeedleSearch, type SearchState } from './needle-search.ts';
import { secretForms } from './secret-forms.ts';

/**
 * Hides secrets, in all their forms, in a stream of bytes, also where one is split over chunks: what may be the beginning of a secret is held
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

/** Hides the same secrets in many streams and texts. */
export interface Masking {
  stream(): Masker;
  text(text: string): string;
}

export function createMasking(secrets: readonly string[]): Masking {
  const needles = secrets.filter((secret) => secret !== '').flatMap(secretForms);
  const search = createNeedleSearch(needles.map((needle) => Buffer.from(needle)));
  const stream = () => maskWith(search);
  return {
    stream,
    text(text) {
      const masker = stream();
      return Buffer.concat([masker.push(Buffer.from(text)), masker.flush()]).toString();
    },
  };
}

export function createMasker(secrets: readonly string[]): Masker {
  return createMasking(secrets).stream();
}

function maskWith(search: NeedleSearch): Masker {
  let held: Held = { bytes: Buffer.alloc(0), state: search.start, matches: [], told: 0, masked: false };
  return {
    push(chunk) {
      const bytes = Buffer.concat([held.bytes, chunk]);
      const matches = [...held.matches];
      const state = search.run(held.state, chunk, (end, length) =>
        addMatch(matches, { start: held.bytes.length + end - length, end: held.bytes.length + end }),
      );
      const decided = decidedLength(bytes.length - search.openLength(state), matches);
      const output = render(held, bytes, decided, matches);
      held = rest(held, { bytes, state, matches, decided });
      return output;
    },
    flush() {
      const untold = held.bytes.subarray(held.told);
      const hide = held.bytes.length > harmlessBytes || held.matches.length > 0;
      const output = untold.length === 0 || (hide && held.masked) ? Buffer.alloc(0) : hide ? mask : untold;
      held = { ...held, told: held.bytes.length, masked: hide };
      return output;
    },
  };
}

/** Bytes that are not decided yet; the first `told` of them were shown by a flush, as they are or `masked`. */
interface Held {
  bytes: Buffer;
  state: SearchState;
  /** Secrets that are complete within them, but may be part of a longer one. */
  matches: readonly Match[];
  told: number;
  masked: boolean;
}

interface Match {
  readonly start: number;
  readonly end: number;
}

/** Adds the one that ends last; overlapping ones become one. */
function addMatch(matches: Match[], match: Match): void {
  let { start } = match;
  for (let last = matches.at(-1); last !== undefined && start < last.end; last = matches.at(-1)) {
    start = Math.min(start, last.start);
    matches.pop();
  }
  matches.push({ start, end: match.end });
}

/** Everything before the first byte that may yet turn out to belong to a secret, or to a match that may yet grow. */
function decidedLength(open: number, matches: readonly Match[]): number {
  return matches.find((match) => match.start < open && open < match.end)?.start ?? open;
}

type Read = Pick<Held, 'bytes' | 'state' | 'matches'> & { decided: number };

/** What stays undecided. */
function rest(before: Held, { bytes, state, matches, decided }: Read): Held {
  const told = Math.max(0, before.told - decided);
  const undecided = matches.filter(({ end }) => end > decided);
  return {
    bytes: bytes.subarray(decided),
    state,
    matches: undecided.map(({ start, end }) => ({ start: start - decided, end: end - decided })),
    told,
    masked: before.masked && told > 0,
  };
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
