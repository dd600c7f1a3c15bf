import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import { problemSchema } from '../../protocol/errors.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

async function refusal(path: string, authorization: string) {
  const socket = new WebSocket(new URL(path, core.rootUrl), { headers: { authorization } });
  // Ending the handshake of a refused socket is an error that `ws` emits; the answer is what the test looks at.
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  socket.terminate();
  const problem = problemSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
  return { status: response.statusCode, type: response.headers['content-type'], detail: problem.detail };
}

const link = '/api/v1/selfhosted/worker/ws';
const type = 'application/problem+json';

test('a worker is refused with an HTTP status before the upgrade, by the name of what is wrong', async () => {
  const good = `Bearer ${core.apiKey}`;
  expect(await refusal(`${link}?worker_id=a`, 'Bearer wk-bad')).toMatchObject({ status: 401, type });
  expect(await refusal(link, good)).toMatchObject({ status: 400, detail: expect.stringContaining('worker_id') });
  expect(await refusal(`${link}?worker_id=warp-1`, good)).toMatchObject({
    status: 400,
    detail: expect.stringContaining('"warp-1" must not start with "warp"'),
  });
  expect(await refusal('/elsewhere?worker_id=a', good)).toMatchObject({ status: 404 });
});

test.each([`${link}?worker_id=a`, '//'])('a refused client that does not hang up is hung up on: %s', async (path) => {
  const socket = connect({ port: Number(new URL(core.rootUrl).port), host: '127.0.0.1', allowHalfOpen: true });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  expect(await text(socket)).toMatch(/^HTTP\/1.1 40[14] /);
  expect(await promisify(core.server.getConnections.bind(core.server))()).toBe(0);
  socket.destroy();
});

test('a stopping server refuses workers and says goodbye to those it has', async () => {
  const worker = await core.worker();
  const closed = once(worker.socket, 'close');
  await core.gateway.close();
  expect((await closed)[0]).toBe(1001);
  expect(await refusal(`${link}?worker_id=a`, `Bearer ${core.apiKey}`)).toMatchObject({ status: 503 });
});

test('the second protocol is spoken with who asks for it', async () => {
  const stock = await core.worker();
  const ours = await core.worker({ hello: {} });
  expect([stock.socket.protocol, ours.socket.protocol]).toEqual(['', 'oz-worker.v2']);
});

test('messages that cannot be understood are dropped and the connection stays', async () => {
  const worker = await core.worker();
  worker.socket.send('not json');
  worker.socket.send('{"type": "from_the_future", "data": {}}');
  worker.send('task_claimed', { task_id: '../../etc', worker_id: 'local' });
  worker.send('heartbeat', {});
  const runId = await core.create();
  await worker.assigned();
  worker.claim(runId);
  await core.untilState(runId, 'CLAIMED');
  expect(worker.socket.readyState).toBe(WebSocket.OPEN);
});

test('a message that is too large ends the connection, and the worker may come back', async () => {
  const worker = await core.worker();
  const closed = once(worker.socket, 'close');
  worker.send('task_failed', { task_id: 'x', message: 'x'.repeat(1024 * 1024) });
  expect((await closed)[0]).toBe(1009);
  await core.worker();
});

test('a worker that has been silent for too long is dropped', async () => {
  const worker = await core.worker();
  const closed = once(worker.socket, 'close');
  core.clock.advance(150_000);
  await closed;
  await expect.poll(() => core.gateway.connections()).toEqual([]);
});

test('the connected workers are told by team and id', async () => {
  await core.worker();
  core.clock.advance(1_000);
  await core.worker();
  await core.worker({ workerId: 'gpu-1' });
  const connections = core.gateway.connections().sort((a, b) => a.connection_count - b.connection_count);
  expect(connections).toMatchObject([
    { team_id: core.key.teamId, worker_host: 'gpu-1', connection_count: 1 },
    { worker_host: 'local', connection_count: 2, connected_at: '2026-01-01T00:00:00.000Z' },
  ]);
});
