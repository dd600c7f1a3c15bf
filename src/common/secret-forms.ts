/** Shorter pieces of a secret are found in ordinary text too often to be hidden. */
const minPiece = 8;
/** Of base64 that is wrapped: bytes a line of 76 columns (`base64`) and of 64 (PEM, `openssl`). */
const wrappedBytes = [57, 48];

/**
 * The texts that give a secret away: itself, each line of one that has several, and both as base64 (wherever in a longer
 * text it stands, in either alphabet, wrapped too), inside JSON and inside a URL.
 */
export function secretForms(secret: string): string[] {
  const texts = [secret, ...linesOf(secret)];
  return [...new Set(texts.flatMap((text) => [text, ...encodingsOf(text)]))];
}

/** The frame of a PEM block says nothing. */
function linesOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  if (lines.length === 1) return [];
  return lines.filter((line) => line.length >= minPiece && !line.startsWith('-----'));
}

function encodingsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const base64 = [...alignmentsOf(bytes), ...wrappedLinesOf(bytes)].filter((piece) => piece.length >= minPiece);
  const urlSafe = base64.map((piece) => piece.replaceAll('+', '-').replaceAll('/', '_'));
  return [...base64, ...urlSafe, JSON.stringify(text).slice(1, -1), encodeUrl(text)];
}

/** The whole, and what of it is the same whatever stands before and behind it, for each place in a group of three. */
function alignmentsOf(bytes: Buffer): string[] {
  const whole = bytes.toString('base64').replace(/=+$/, '');
  return [whole, ...[0, 1, 2].map((before) => alignedBase64(bytes, before))];
}

function alignedBase64(bytes: Buffer, before: number): string {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
  const isMixedEnd = (before + bytes.length) % 3 !== 0;
  const end = encoded.replace(/=+$/, '').length - (isMixedEnd ? 1 : 0);
  // A character holds six bits: two of them, or three, are shared with what stands before.
  return encoded.slice([0, 2, 3][before], end);
}

function wrappedLinesOf(bytes: Buffer): string[] {
  return wrappedBytes.flatMap((width) => {
    const count = bytes.length > width ? Math.ceil(bytes.length / width) : 0;
    return Array.from({ length: count }, (_, line) =>
      alignedBase64(bytes.subarray(line * width, (line + 1) * width), 0),
    );
  });
}

function encodeUrl(text: string): string {
  // Half of a surrogate pair has no form in a URL.
  return text.isWellFormed() ? encodeURIComponent(text) : text;
}
