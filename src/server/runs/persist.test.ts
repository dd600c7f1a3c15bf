import { expect, test } from 'vitest';
import type { Clock } from '../../common/clock.ts';
import { createLogger } from '../../common/logger.ts';
import { persist } from './persist.ts';

/** Time that passes by itself. */
const clock: Clock = {
  now: () => 0,
  after(_delay, run) {
    const immediate = setImmediate(run);
    return () => clearImmediate(immediate);
  },
};
const log = createLogger({ name: 'test', level: 'error' });
const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' });

function failing(error: Error, times: number) {
  let tries = 0;
  return {
    tries: () => tries,
    work: async () => {
      if (++tries <= times) throw error;
    },
  };
}

const full = Object.assign(new Error('could not extend file: No space left on device'), { code: '53100' });

test.each([away, full])('work is tried for as long as the database is away or has no room: $message', async (error) => {
  const { work, tries } = failing(error, 100);
  expect(await persist({ clock, log, givingUp: new AbortController().signal }, 'It', work)).toBe(true);
  expect(tries()).toBe(101);
});

test('work that fails for another reason is given up', async () => {
  const { work, tries } = failing(new Error('A fault.'), Infinity);
  expect(await persist({ clock, log, givingUp: new AbortController().signal }, 'It', work)).toBe(false);
  expect(tries()).toBe(12);
});

test('once nobody waits any longer, one last try is made', async () => {
  const { work, tries } = failing(away, Infinity);
  expect(await persist({ clock, log, givingUp: AbortSignal.abort() }, 'It', work)).toBe(false);
  expect(tries()).toBe(1);
});
