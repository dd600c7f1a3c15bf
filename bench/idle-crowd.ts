import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { workerLinkPath, workerLinkV2, type ServerMessage } from '../src/protocol/worker-link.ts';
import type { WordOfCrowd } from './idle-workers.ts';

/** A process with many connected workers, which start nothing: `idle-crowd.ts <server> <count>`, WARP_API_KEY. */
const [url = '', count = '0'] = process.argv.slice(2);
const apiKey = process.env['WARP_API_KEY'] ?? '';
/** Dials at the same time. */
const atOnce = 100;

let next = 0;
let messageId = 0;
const sockets: WebSocket[] = [];
const dialer = async () => {
  while (next < Number(count)) sockets.push(await connectWorker(`idle-${next++}`));
};
await Promise.all(Array.from({ length: atOnce }, dialer));
say({ connected: sockets.length });
beat(15_000);

async function connectWorker(workerId: string): Promise<WebSocket> {
  const address = new URL(workerLinkPath, url);
  address.searchParams.set('worker_id', workerId);
  const headers = { authorization: `Bearer ${apiKey}` };
  const socket = new WebSocket(address, workerLinkV2, { headers, perMessageDeflate: false });
  await once(socket, 'open');
  socket.on('message', (text: Buffer) => hear(socket, workerId, JSON.parse(text.toString()) as ServerMessage));
  const capacity = { max_concurrent_tasks: 4, draining: false };
  const data = { instance_id: randomUUID(), version: 'bench', backend: 'direct', executions: [], ...capacity };
  socket.send(JSON.stringify({ type: 'hello', data }));
  await once(socket, 'message');
  return socket;
}

/** Takes whatever it is offered, and has done it at once. */
function hear(socket: WebSocket, workerId: string, message: ServerMessage): void {
  if (message.type !== 'task_assignment') return;
  say({ offeredAt: performance.timeOrigin + performance.now() });
  const { task_id, execution_id } = message.data;
  const tell = (type: string, data: object) =>
    socket.send(JSON.stringify({ type, message_id: ++messageId, data: { task_id, execution_id, ...data } }));
  tell('task_claimed', { worker_id: workerId });
  tell('task_completed', { message: 'Task completed successfully' });
}

/** Each renews its lease once a period, all of them spread over it. */
function beat(period: number): void {
  const heartbeat = JSON.stringify({ type: 'heartbeat', data: {} });
  let turn = 0;
  const step = period / 100;
  setInterval(() => {
    const size = Math.ceil(sockets.length / 100);
    for (const socket of sockets.slice(turn * size, (turn + 1) * size)) socket.send(heartbeat);
    turn = (turn + 1) % 100;
  }, step);
}

function say(word: WordOfCrowd): void {
  process.send?.(word);
}
