import type { Clock } from '../../common/clock.ts';
import type { KeyPrincipal } from './principal.ts';

/** A key that is withdrawn may still be taken for this long; in milliseconds. */
const trustedFor = 1_000;
const mostKeys = 1_000;

export interface ValidKey {
  principal: KeyPrincipal;
  expiresAt: Date | null;
}

/**
 * Keys that were found valid a moment ago: a client that asks several times a second costs one look at the database a
 * second. Only what was found is kept, under its hash.
 */
export class KeyCache {
  readonly #clock: Clock;
  readonly #keys = new Map<string, ValidKey & { foundAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  find(hash: Buffer): KeyPrincipal | undefined {
    const key = this.#keys.get(nameOf(hash));
    if (key === undefined) return undefined;
    const now = this.#clock.now();
    const isTrusted = now - key.foundAt < trustedFor && (key.expiresAt === null || now < key.expiresAt.getTime());
    if (isTrusted) return key.principal;
    this.#keys.delete(nameOf(hash));
    return undefined;
  }

  keep(hash: Buffer, key: ValidKey): void {
    if (this.#keys.size >= mostKeys) this.#keys.clear();
    this.#keys.set(nameOf(hash), { ...key, foundAt: this.#clock.now() });
  }
}

function nameOf(hash: Buffer): string {
  return hash.toString('base64');
}
