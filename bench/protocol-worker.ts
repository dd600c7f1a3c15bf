import { once } from 'node:events';
import { WebSocket } from 'ws';
import { workerLinkPath, type ServerMessage } from '../src/protocol/worker-link.ts';

/**
 * A connected worker that speaks the stock protocol and starts nothing: it claims and completes whatever it is offered.
 * It does not check what it is sent, which would cost the server's machine more than the answers do.
 */
export async function connectProtocolWorker(server: { url: string }, apiKey: string): Promise<WebSocket> {
  const workerId = 'bench';
  const url = new URL(workerLinkPath, server.url);
  url.searchParams.set('worker_id', workerId);
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${apiKey}` }, perMessageDeflate: false });
  const send = (type: string, data: object) => socket.send(JSON.stringify({ type, data }));
  socket.on('message', (text: Buffer) => {
    const message = JSON.parse(text.toString()) as ServerMessage;
    if (message.type !== 'task_assignment') return;
    const { task_id } = message.data;
    send('task_claimed', { task_id, worker_id: workerId });
    send('task_completed', { task_id, message: 'Task completed successfully' });
  });
  await once(socket, 'open');
  return socket;
}
