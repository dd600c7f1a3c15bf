import { join } from 'node:path';
import type { TaskUser } from '../isolation.ts';

/**
 * The one way out of a sandbox whose network is off:
 *
 * ```
 * program → relay, on the sandbox's loopback → socket → proxy, outside and in the task's group → what is allowed
 * ```
 *
 * Both are programs of the task's own, each the parent of what comes after it, so that they live and end with the task
 * and not with the daemon.
 */
export interface Egress {
  /** The folder with the two programs. */
  programs: string;
  /** Their ending, as they are started from sources or from a build. */
  extension: string;
  /** `host`, `host:port`, or with `*.` in front of it what lies below a name. */
  allow: readonly string[];
}

/** What the proxy is told, as JSON. */
export interface ProxyTask {
  folder: string;
  allow: readonly string[];
  /** Whom it becomes before it takes the first connection. */
  user: { uid: number; gid: number } | null;
}

/** What the relay is told, as JSON. */
export interface RelayTask {
  socket: string;
  port: number;
  /** Ports of allowed addresses on the machine's loopback, which the sandbox has another one of. */
  loopback: readonly number[];
}

export const socketName = 'proxy.sock';
/** Where the sandbox sees the socket; short, because the path of a socket has to be. */
export const socketFolder = '/run/oz-egress';
const relayPort = 17_071;

/** What most programs go by; Node from version 24 on. Loopback within the sandbox needs no proxy. */
export const proxyVariables: Readonly<Record<string, string>> = {
  ...both('http_proxy', `http://127.0.0.1:${relayPort}`),
  ...both('https_proxy', `http://127.0.0.1:${relayPort}`),
  ...both('all_proxy', `http://127.0.0.1:${relayPort}`),
  ...both('no_proxy', 'localhost,127.0.0.1,::1'),
  NODE_USE_ENV_PROXY: '1',
};

export function egressArguments({ programs, extension, allow }: Egress, folder: string, user: TaskUser | null) {
  const task: ProxyTask = { folder, allow, user: user && { uid: user.uid, gid: user.gid } };
  return [process.execPath, join(programs, `egress-proxy${extension}`), JSON.stringify(task), '--'];
}

export function relayArguments({ programs, extension, allow }: Egress): string[] {
  const socket = join(socketFolder, socketName);
  const task: RelayTask = { socket, port: relayPort, loopback: loopbackPorts(allow) };
  return [process.execPath, join(programs, `egress-relay${extension}`), JSON.stringify(task), '--'];
}

function loopbackPorts(allow: readonly string[]): number[] {
  const ports = allow.map((address) => /^(?:127\.0\.0\.1|localhost|\[::1\]):(\d+)$/.exec(address)?.[1]);
  return [...new Set(ports.filter((port) => port !== undefined).map(Number))];
}

function both(name: string, value: string): Record<string, string> {
  return { [name]: value, [name.toUpperCase()]: value };
}
