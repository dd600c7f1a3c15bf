import http from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { isAllowed, isNamedInFull, parseAddress, type Address } from './allowed.ts';
import { lookupElsewhere } from './elsewhere.ts';

/** An HTTP proxy that lets through what is allowed: tunnels, and requests in absolute form. */
export function createProxy(allow: readonly string[], complain: (line: string) => void): http.Server {
  const refuse = createRefusal(complain);
  const wayTo = (address: Address): Way => {
    return isNamedInFull(address, allow) ? address : { ...address, lookup: lookupElsewhere(refuse) };
  };
  const server = http.createServer((request, response) => {
    const url = parseUrl(request.url ?? '');
    const address = url && parseAddress(`${url.hostname}:${url.port || 80}`);
    if (url === undefined || address === undefined || !isAllowed(address, allow)) {
      response.writeHead(403, { 'content-type': 'text/plain' }).end(`${refuse(url?.host ?? request.url ?? '')}\n`);
    } else forward(request, response, url, wayTo(address));
  });
  server.on('connect', (request, client, head) => {
    const address = parseAddress(request.url ?? '');
    if (address !== undefined && isAllowed(address, allow)) return tunnel(wayTo(address), client, head);
    const why = `${refuse(request.url ?? '')}\n`;
    client.on('error', () => client.destroy());
    client.end(
      `HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: ${why.length}\r\n\r\n${why}`,
    );
  });
  return server;
}

/** Where to connect to, and how its name is to be looked up. */
type Way = Address & { lookup?: net.LookupFunction };

/** Each address is told of once: programs try again. */
function createRefusal(complain: (line: string) => void): (asked: string) => string {
  const told = new Set<string>();
  return (asked) => {
    // What a task asks for may hold anything.
    const name = asked.replaceAll(/[^\w.:[\]-]/g, '?').slice(0, 200);
    const line = `The sandbox has no way to ${name}: it is not among the addresses that this worker allows.`;
    if (told.size < 1000 && !told.has(name)) {
      told.add(name);
      complain(line);
    }
    return line;
  };
}

function tunnel(way: Way, client: Duplex, head: Buffer): void {
  const upstream = net.connect(way);
  upstream.once('connect', () => {
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    upstream.write(head);
    joinStreams(client, upstream);
  });
  upstream.once('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
  client.on('error', () => upstream.destroy());
}

function forward(request: http.IncomingMessage, response: http.ServerResponse, url: URL, way: Way): void {
  const headers: http.OutgoingHttpHeaders = { ...request.headers, host: url.host };
  delete headers['proxy-connection'];
  delete headers['proxy-authorization'];
  const upstream = http.request({ ...way, method: request.method, path: url.pathname + url.search, headers });
  upstream.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  });
  upstream.once('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  response.once('close', () => upstream.destroy());
  request.pipe(upstream);
}

/** Until one of them is over: then the other one is, too. */
export function joinStreams(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.once('close', () => to.destroy());
  }
}

/** Only what a proxy can be asked for in the clear. */
function parseUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  return url?.protocol === 'http:' ? url : undefined;
}
