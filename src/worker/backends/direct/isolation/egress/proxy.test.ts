import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { lookupElsewhere } from './elsewhere.ts';
import { createProxy } from './proxy.ts';

test('nothing but what is allowed is reached, however it is written', async () => {
  const reached: string[] = [];
  const [good, bad] = [await listen((_, response) => response.end('good')), await listen(hear(reached))];
  const proxy = await listenWith(createProxy([`127.0.0.1:${good}`, 'good.example'], () => undefined));
  const names = ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '[::ffff:127.0.0.1]', '127.1', '2130706433', '0x7f.1'];
  const hosts = [...names, 'localhost.', '127.0.0.1%00', `127.0.0.1:${good}@127.0.0.1`, 'good.example@127.0.0.1'];
  const asked = hosts.flatMap((host) => [
    `CONNECT ${host}:${bad} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n`,
    `GET http://${host}:${bad}/ HTTP/1.1\r\nhost: 127.0.0.1:${good}\r\nconnection: close\r\n\r\n`,
  ]);
  const more = [
    `GET / HTTP/1.1\r\nhost: 127.0.0.1:${bad}\r\n\r\n`,
    `GET //127.0.0.1:${bad}/ HTTP/1.1\r\nhost: 127.0.0.1:${good}\r\n\r\n`,
    `GET https://127.0.0.1:${good}/ HTTP/1.1\r\nhost: 127.0.0.1:${bad}\r\n\r\n`,
    'CONNECT good.example:99999 HTTP/1.1\r\n\r\n',
    `CONNECT http://127.0.0.1:${bad}/ HTTP/1.1\r\n\r\n`,
    `CONNECT 127.0.0.1:${good}@127.0.0.1:${bad} HTTP/1.1\r\n\r\n`,
  ];
  for (const words of [...asked, ...more]) expect([words, await ask(proxy, words)].join()).not.toContain('200 OK');
  expect(reached).toEqual([]);
});

test('what follows a request in its body is no second request, and the host is the one of the address', async () => {
  const heard: string[] = [];
  const good = await listen(hear(heard));
  const proxy = await listenWith(createProxy([`127.0.0.1:${good}`], () => undefined));
  const smuggled = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n';
  const head = `POST http://127.0.0.1:${good}/a HTTP/1.1\r\nhost: other\r\nconnection: close\r\n`;
  await ask(proxy, `${head}content-length: ${smuggled.length}\r\n\r\n${smuggled}`);
  await ask(proxy, `${head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`);
  expect(heard).toEqual([`/a 127.0.0.1:${good}`]);
});

test('a name that was allowed for what it lies below does not lead to the machine itself', async () => {
  const told: string[] = [];
  const look = (name: string) =>
    new Promise((resolve) => {
      lookupElsewhere((hidden) => told.push(hidden))(name, { all: true }, (error, found) => resolve(error ?? found));
    });
  expect(await look('localhost')).toEqual(new Error('localhost leads to this machine itself'));
  expect(await look('169.254.169.254')).toBeInstanceOf(Error);
  expect(await look('192.0.2.1')).toEqual([{ address: '192.0.2.1', family: 4 }]);
  expect(told).toEqual(['localhost', '169.254.169.254']);
});

function hear(into: string[]): RequestListener {
  return (request, response) => {
    into.push(`${request.url} ${request.headers.host}`);
    request.resume().once('end', () => response.end('heard'));
  };
}

async function listen(answer: RequestListener): Promise<number> {
  return listenWith(createServer(answer));
}

async function listenWith(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What the proxy answers until it closes, or for a moment. */
async function ask(port: number, words: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.setTimeout(200, () => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(words);
  await once(socket, 'close');
  return answer;
}
