import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../common/clock.ts';
import { CodedError } from '../../protocol/errors.ts';

/** Addresses that whoever holds them may download from, for a limited time. */
export interface DownloadLinks {
  /** The query of an address that opens `name`. */
  sign(name: string): string;
  /** Refuses a query that was not signed for `name`, or no longer holds. */
  verify(name: string, query: { expires: string; signature: string }): void;
}

/** In milliseconds. */
const lifetime = 15 * 60_000;

export function createDownloadLinks({ key, clock }: { key: Buffer; clock: Clock }): DownloadLinks {
  const signatureOf = (name: string, expires: string) =>
    createHmac('sha256', key).update(`${name}\n${expires}`).digest('base64url');
  return {
    sign(name) {
      const expires = String(clock.now() + lifetime);
      return new URLSearchParams({ expires, signature: signatureOf(name, expires) }).toString();
    },
    verify(name, { expires, signature }) {
      const isOurs = sameBytes(Buffer.from(signature), Buffer.from(signatureOf(name, expires)));
      if (isOurs && Number(expires) > clock.now()) return;
      throw new CodedError('not_authorized', 'This download link is not valid, or no longer; ask for a new one.');
    },
  };
}

function sameBytes(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
