import http from 'node:http';
import https from 'node:https';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * An agent that goes through the proxy which HTTP_PROXY, HTTPS_PROXY and NO_PROXY name; undefined when none is named.
 * As with the official worker, a server of this machine itself is reached without one.
 */
export function createProxyAgent(url: string, host: Environment): http.Agent | undefined {
  if (isLoopback(new URL(url).hostname)) return undefined;
  const names = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  const proxyEnv = Object.fromEntries(names.flatMap((name) => (host[name] ? [[name, host[name]]] : [])));
  if (!names.slice(0, 4).some((name) => name in proxyEnv)) return undefined;
  return url.startsWith('wss:') ? new https.Agent({ proxyEnv }) : new http.Agent({ proxyEnv });
}

/** By its address, as a URL writes it, or by the name that stands for it. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
