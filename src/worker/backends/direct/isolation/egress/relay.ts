import { once } from 'node:events';
import net from 'node:net';
import type { RelayTask } from './egress.ts';
import { joinStreams } from './proxy.ts';

/** Listens on the sandbox's own loopback, and hands everything to the proxy outside. */
export async function startRelay({ socket, port, loopback }: RelayTask): Promise<void> {
  const toProxy = net.createServer((client) => joinTo(socket, client));
  const toAddress = loopback.map((port) => ({
    port,
    server: net.createServer((client) => tunnelTo(port, socket, client)),
  }));
  await Promise.all([{ port, server: toProxy }, ...toAddress].map(({ port, server }) => listen(server, port)));
}

async function listen(server: net.Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

function joinTo(socket: string, client: net.Socket): void {
  joinStreams(client, net.connect(socket));
}

/** For a program that is to find an address of the machine's loopback at its own. */
function tunnelTo(port: number, socket: string, client: net.Socket): void {
  const proxy = net.connect(socket);
  proxy.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`);
  client.on('error', () => proxy.destroy());
  proxy.on('error', () => client.destroy());
  let answer = Buffer.alloc(0);
  proxy.on('data', function read(data: Buffer) {
    answer = Buffer.concat([answer, data]);
    const end = answer.indexOf('\r\n\r\n');
    if (end < 0) return;
    proxy.off('data', read);
    if (answer.toString('latin1').startsWith('HTTP/1.1 200')) {
      client.write(answer.subarray(end + 4));
      joinStreams(client, proxy);
    } else client.destroy();
  });
}
