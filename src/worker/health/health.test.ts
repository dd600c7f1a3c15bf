import { expect, onTestFinished, test } from 'vitest';
import { createManualClock } from '../../../test/helpers/manual-clock.ts';
import { createHealth } from './health.ts';
import { openHealthEndpoint } from './health-endpoint.ts';

test('a worker lives as long as the server is heard of, whatever else it does', async () => {
  const { clock, health, ask } = await start();
  clock.advance(119_000);
  health.observer.disconnected('dial_failed');
  health.observer.capacity({ max_concurrent_tasks: 1, draining: false });
  expect(await ask('/livez')).toEqual([200, { status: 'ok', seconds_since_contact: null }]);
  clock.advance(2_000);
  expect(await ask('/livez')).toEqual([
    503,
    {
      status: 'failing',
      reason:
        'It is 121 s since the start, without any contact: the server cannot be reached, or this worker is stuck.',
    },
  ]);
  health.observer.heard();
  clock.advance(5_000);
  expect(await ask('/livez')).toEqual([200, { status: 'ok', seconds_since_contact: 5 }]);
});

test('a worker is ready while it is connected, does not drain and can keep tasks', async () => {
  const { health, ask } = await start();
  const reason = (await ask('/readyz'))[1];
  expect(reason).toEqual({ status: 'failing', reason: 'The worker is not connected to the server.' });
  health.observer.connected();
  expect(await ask('/readyz')).toEqual([200, { status: 'ok' }]);
  health.observer.capacity({ max_concurrent_tasks: null, draining: true });
  expect((await ask('/readyz'))[0]).toBe(503);
  health.observer.capacity({ max_concurrent_tasks: null, draining: false, problem: 'its disk is full' });
  expect((await ask('/readyz'))[1]).toMatchObject({ reason: 'The worker takes nothing for now: its disk is full.' });
  health.observer.capacity({ max_concurrent_tasks: null, draining: false });
  expect((await ask('/readyz'))[0]).toBe(200);
  health.observer.disconnected('remote_close');
  expect((await ask('/readyz'))[0]).toBe(503);
});

test('what is not there is said to be so', async () => {
  const { ask } = await start();
  expect(await ask('/metrics')).toEqual([404, { reason: 'There are /livez and /readyz.' }]);
});

test('a port that is taken is an error in one sentence', async () => {
  const { health, url } = await start();
  const port = Number(new URL(url).port);
  await expect(openHealthEndpoint(health, { host: '127.0.0.1', port })).rejects.toThrow(
    `The health endpoint cannot listen on 127.0.0.1:${port}: another program uses this port.`,
  );
});

async function start() {
  const clock = createManualClock();
  const health = createHealth(clock);
  const endpoint = await openHealthEndpoint(health, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => endpoint.close());
  const ask = async (path: string) => {
    const response = await fetch(`${endpoint.url}${path}?verbose`);
    return [response.status, await response.json()];
  };
  return { clock, health, ask, url: endpoint.url };
}
