import { createHash, randomBytes } from 'node:crypto';

/**
 * `key`: a machine's API key. `run`: the token of one execution's agent. Both start as official clients expect it; the
 * infix tells people, and secret scanners, which of the two they have found.
 */
export type TokenKind = 'key' | 'run';

const prefixes: Record<TokenKind, string> = { key: 'wk-', run: 'wk-run-' };

/** A new secret with 256 random bits. Only `hashToken` of it is ever stored. */
export function mintToken(kind: TokenKind): string {
  return prefixes[kind] + randomBytes(32).toString('base64url');
}

/** What a token is stored as and looked up by. Its own entropy makes a salt and a slow hash pointless. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The end of a key that people tell their keys apart by. */
export function tokenSuffix(token: string): string {
  return token.slice(-4);
}

export function isAgentToken(token: string): boolean {
  return token.startsWith(prefixes.run);
}

/** Some clients send a key without its start. */
export function normalizeToken(token: string): string {
  return token.startsWith(prefixes.key) ? token : prefixes.key + token;
}
