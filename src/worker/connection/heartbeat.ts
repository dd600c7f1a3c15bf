import type { WebSocket } from 'ws';
import type { Clock } from '../../common/clock.ts';

const pingPeriod = 30_000;
/** Without a pong or a message for this long the connection is dropped. */
const maxSilence = 60_000;

/** Keeps a connection alive and drops a dead one; ends itself with the connection. */
export function startHeartbeat(socket: WebSocket, clock: Clock): void {
  let cancelPing = () => undefined as void;
  let cancelDrop = () => undefined as void;
  const ping = () => {
    cancelPing = clock.after(pingPeriod, () => {
      socket.ping();
      ping();
    });
  };
  const heard = () => {
    cancelDrop();
    cancelDrop = clock.after(maxSilence, () => socket.terminate());
  };
  ping();
  heard();
  socket.on('pong', heard);
  socket.on('message', heard);
  socket.on('close', () => {
    cancelPing();
    cancelDrop();
  });
}
