import { expect, test } from 'vitest';
import { createManualClock } from '../../../test/helpers/manual-clock.ts';
import { throughOutage } from './through-outage.ts';

const away = () =>
  new Error('The database cannot be used.', { cause: new Error('Connection terminated unexpectedly') });

function outage(length: number) {
  const clock = createManualClock();
  const stop = new AbortController();
  let tries = 0;
  const work = async () => {
    tries += 1;
    if (clock.now() < start + length) throw away();
    return tries;
  };
  const start = clock.now();
  const done = throughOutage({ clock, stop: stop.signal }, work);
  // Each try and its failure take a turn of their own.
  const pass = async (pauses: number) => {
    for (let passed = 0; passed < pauses; passed++) {
      await new Promise(setImmediate);
      clock.advance(200);
    }
  };
  return { done, pass, stop };
}

test('a database that comes back is waited for', async () => {
  const { done, pass } = outage(1_000);
  await pass(6);
  expect(await done).toBe(6);
});

test('one that does not is given up after half a minute', async () => {
  const { done, pass } = outage(Infinity);
  await Promise.all([expect(done).rejects.toThrow('cannot be used'), pass(152)]);
});

test('who is asked to stop does not wait', async () => {
  const { done, stop } = outage(Infinity);
  setImmediate(() => stop.abort(new Error('asked to')));
  await expect(done).rejects.toThrow('asked to');
});

test('what is wrong with the work itself is told at once', async () => {
  const clock = createManualClock();
  const wrong = () => Promise.reject(new Error('no such table'));
  await expect(throughOutage({ clock, stop: AbortSignal.abort() }, wrong)).rejects.toThrow('no such table');
});
