import type { WebSocket } from 'ws';
import { repeat, type Clock } from '../../common/clock.ts';

const pingPeriod = 30_000;
/** Without a pong or a message for this long the connection is dropped. */
const maxSilence = 60_000;

/** A ping, which a pong repeats, says when it was sent: so far, at least, the server has heard us. */
export function ping(socket: WebSocket, clock: Clock): void {
  socket.ping(String(clock.now()));
}

/** When the ping was sent that this is the answer to; undefined for the answer to none. */
export function pingTime(pong: Buffer): number | undefined {
  const text = pong.toString();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Keeps a connection alive and drops a dead one; ends itself with the connection. */
export function startHeartbeat(socket: WebSocket, clock: Clock): void {
  const stopPinging = repeat(clock, pingPeriod, () => ping(socket, clock));
  let cancelDrop = () => undefined as void;
  const heard = () => {
    cancelDrop();
    cancelDrop = clock.after(maxSilence, () => socket.terminate());
  };
  heard();
  socket.on('pong', heard);
  socket.on('message', heard);
  socket.on('close', () => {
    stopPinging();
    cancelDrop();
  });
}
