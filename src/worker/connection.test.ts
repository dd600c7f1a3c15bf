import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startFakeServer } from '../../test/helpers/fake-server.ts';
import {
  apiKey,
  fileWith,
  launch,
  makeFolder,
  startTestWorker,
  type WorkerProcess,
} from '../../test/helpers/test-worker.ts';

test('the worker introduces itself by id and key, asks for the second version, and says what users look for', async () => {
  const worker = await startTestWorker();
  const request = worker.server.lastRequest();
  expect(request?.url).toBe('/api/v1/selfhosted/worker/ws?worker_id=test-worker');
  expect(request?.headers.authorization).toBe(`Bearer ${apiKey}`);
  expect(request?.headers['sec-websocket-protocol']).toBe('oz-worker.v2');
  expect(request?.headers['sec-websocket-extensions']).toBeUndefined();
  const lines = ['Connecting to ws://', 'Successfully connected to server', 'Connected to Oz', 'Listening for tasks'];
  await vi.waitFor(() => lines.forEach((line) => expect(worker.process.output()).toContain(line)));
  expect(worker.process.output()).not.toContain(apiKey);
});

test.each([401, 403])('a key that is refused with %i ends the daemon with exit code 3 and one line', async (status) => {
  const folder = await makeFolder();
  await using server = await startFakeServer();
  server.refuseWith(status);
  const daemon = await launch(folder, server.url, {});
  expect((await daemon.exited).code).toBe(3);
  const plain = daemon
    .output()
    .split('\n')
    .filter((line) => line.startsWith('oz-agent-worker: '));
  expect(plain).toEqual([
    `oz-agent-worker: The API key was refused: the server answered ${status}: This key is unknown.`,
  ]);
  expect(server.opened()).toBe(0);
});

test('a key that is withdrawn while tasks run ends the daemon with exit code 3, and costs no task anything', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; exec sleep 600', teardown: 'touch ../torn' });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.server.refuseWith(401);
  worker.server.cut();
  expect((await worker.process.exited).code).toBe(3);
  expect(await readdir(worker.root)).toEqual([taskId]);
  await worker.relaunch();
  worker.cancel(taskId);
  await worker.server.waitFor('task_completed', taskId);
  expect(await readdir(worker.root)).toEqual(['torn']);
});

test('any other refusal is tried again', async () => {
  await using server = await startFakeServer();
  server.refuseWith(503, 400);
  const daemon = await launchUntilTestEnds(server.url);
  await server.until(() => server.opened() === 1);
  expect(daemon.output()).toMatch(/Failed to connect: the server answered 503: .*, retrying in 1s/);
  expect(daemon.output()).toMatch(/Failed to connect: the server answered 400: .*, retrying in 2s/);
});

test('what a task said while the line was cut arrives on the next connection, once, with all of the console', async () => {
  const worker = await startTestWorker({
    oz: 'echo before; until [ -e ../go ]; do sleep 0.01; done; echo after; rm ../go; touch ../over',
  });
  const { taskId, executionId } = worker.assign();
  await worker.server.until(() => worker.server.console(executionId, 'agent').toString() === 'before\n');
  worker.server.holdOff();
  worker.server.cut();
  await writeFile(join(worker.root, 'go'), '');
  await fileWith(join(worker.root, 'over'), '');
  worker.server.admit();
  await worker.server.waitFor('task_completed', taskId);
  expect(worker.server.opened()).toBe(2);
  expect(worker.server.console(executionId, 'agent').toString()).toBe('before\nafter\n');
  expect(worker.server.received.map(({ type }) => type)).toEqual(['task_claimed', 'task_phase', 'task_completed']);
});

test('a line that brings garbage is hung up and dialled again, and what could not be said on it is said then', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; until [ -e ../go ]; do sleep 0.01; done; rm ../go' });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.server.holdOff();
  worker.server.garble();
  await vi.waitFor(() => expect(worker.process.output()).toContain('Connection lost (1006), retrying'));
  await writeFile(join(worker.root, 'go'), '');
  worker.server.admit();
  await worker.server.waitFor('task_completed', taskId);
});

test('a task runs on through a disconnect', async () => {
  const worker = await startTestWorker({ oz: 'echo ready > ready; until [ -e ../go ]; do sleep 0.01; done; rm ../go' });
  const { taskId } = worker.assign();
  await fileWith(join(worker.root, taskId, 'ready'), 'ready');
  worker.server.cut();
  await worker.server.until(() => worker.server.opened() === 2);
  await writeFile(join(worker.root, 'go'), '');
  const completed = await worker.server.waitFor('task_completed', taskId);
  expect(completed.data.task_state).toBeUndefined();
});

test('an assignment that comes along with the welcome is not lost', async () => {
  const worker = await startTestWorker();
  worker.server.cut();
  const { taskId } = worker.assign({ withTheGreeting: true });
  const claimed = await worker.server.waitFor('task_claimed', taskId);
  expect(claimed.data.worker_id).toBe('test-worker');
});

test.each(['HTTP_PROXY', 'http_proxy'])('%s is honoured, NO_PROXY too, and neither for this machine', async (name) => {
  await using server = await startFakeServer();
  const proxied: string[] = [];
  const proxy = await startProxy(proxied);
  const elsewhere = server.url.replace('127.0.0.1', 'oz.invalid');
  await launchUntilTestEnds(elsewhere, { [name]: proxy });
  await server.until(() => server.opened() === 1);
  expect(proxied).toHaveLength(1);
  const direct = await launchUntilTestEnds(elsewhere, { [name]: proxy, NO_PROXY: 'oz.invalid' });
  await vi.waitFor(() => expect(direct.output()).toContain('oz.invalid, retrying'), { timeout: 20_000 });
  await launchUntilTestEnds(server.url, { [name]: proxy });
  await server.until(() => server.opened() === 2);
  expect(proxied).toHaveLength(1);
});

test('a worker that knows only the address of the web socket says where its agents will look', async () => {
  await using server = await startFakeServer();
  const url = `${server.url.replace('http', 'ws')}/api/v1/selfhosted/worker/ws`;
  const daemon = await launchUntilTestEnds('', {}, ['--web-socket-url', url]);
  await server.until(() => server.opened() === 1);
  expect(daemon.output()).toContain('agents look for their server at http://127.0.0.1:8080');
});

async function launchUntilTestEnds(
  url: string,
  env: Record<string, string> = {},
  args: string[] = [],
): Promise<WorkerProcess> {
  const daemon = await launch(await makeFolder(), url, { env, args });
  onTestFinished(async () => {
    daemon.kill('SIGTERM');
    await daemon.exited;
  });
  return daemon;
}

/**
 * A forward proxy as it stands in companies: plain requests by absolute address, tunnels by CONNECT. Every host that it
 * is asked for is this machine.
 */
async function startProxy(proxied: string[]): Promise<string> {
  const proxy = createServer();
  const sockets = new Set<Socket>();
  const join = (from: Socket, port: number, greet: (to: Socket) => void) => {
    const to = connect(port, '127.0.0.1', () => greet(to));
    sockets.add(from).add(to);
    for (const socket of [from, to]) socket.on('error', () => socket.destroy());
    from.pipe(to).pipe(from);
  };
  proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
    proxied.push(request.url ?? '');
    const [, port] = (request.url ?? '').split(':');
    join(socket, Number(port), () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
  });
  proxy.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    proxied.push(request.url ?? '');
    const url = new URL(request.url ?? '');
    const headers = request.rawHeaders.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : []));
    const head = [`GET ${url.pathname}${url.search} HTTP/1.1`, ...headers, '', ''].join('\r\n');
    join(socket, Number(url.port), (to) => to.write(head));
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(async () => {
    sockets.forEach((socket) => socket.destroy());
    proxy.close();
    await once(proxy, 'close');
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
