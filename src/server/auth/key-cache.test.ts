import { expect, test } from 'vitest';
import { createManualClock } from '../../../test/helpers/manual-clock.ts';
import { KeyCache } from './key-cache.ts';
import type { KeyPrincipal } from './principal.ts';
import { hashToken } from './tokens.ts';

const principal: KeyPrincipal = { kind: 'key', keyId: 'key', teamId: 'team' };
const hash = hashToken('wk-one');

test('a key is taken without a look at the database for a second', () => {
  const clock = createManualClock();
  const keys = new KeyCache(clock);
  expect(keys.find(hash)).toBeUndefined();
  keys.keep(hash, { principal, expiresAt: null });
  clock.advance(999);
  expect(keys.find(hash)).toEqual(principal);
  expect(keys.find(hashToken('wk-two'))).toBeUndefined();
  clock.advance(1);
  expect(keys.find(hash)).toBeUndefined();
});

test('a key that expires within that second is taken no longer', () => {
  const clock = createManualClock();
  const keys = new KeyCache(clock);
  keys.keep(hash, { principal, expiresAt: new Date(clock.now() + 500) });
  clock.advance(499);
  expect(keys.find(hash)).toEqual(principal);
  clock.advance(1);
  expect(keys.find(hash)).toBeUndefined();
});

test('however many keys are used, a limited number is remembered', () => {
  const keys = new KeyCache(createManualClock());
  for (let count = 0; count <= 1_000; count++) keys.keep(hashToken(`wk-${count}`), { principal, expiresAt: null });
  expect(keys.find(hashToken('wk-0'))).toBeUndefined();
  expect(keys.find(hashToken('wk-1000'))).toEqual(principal);
});
