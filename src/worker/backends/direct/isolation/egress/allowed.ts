export interface Address {
  host: string;
  port: number;
}

/** `host:port`, an IPv6 address in brackets; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { host: plainName(host), port: Number(port) };
}

/** Whether one of them names an address in full, and not only what it lies below. */
export function isNamedInFull(address: Address, allow: readonly string[]): boolean {
  const named = allow.filter((entry) => !entry.startsWith('*'));
  return isAllowed(address, named);
}

/** Whether one of `host`, `host:port`, `*.domain` and `*.domain:port` covers an address, by the name asked for. */
export function isAllowed({ host, port }: Address, allow: readonly string[]): boolean {
  return allow.some((entry) => {
    const [, wildcard, rest = ''] = /^(\*(?=\.))?(.*)$/.exec(entry) ?? [];
    const exact = parseAddress(rest);
    const name = exact?.host ?? plainName(rest);
    const isNamed = wildcard === undefined ? host === name : host.endsWith(name);
    return isNamed && (exact === undefined || exact.port === port);
  });
}

/** The machine itself has one name, however it is written. */
function plainName(host: string): string {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return name === 'localhost' || name === '::1' ? '127.0.0.1' : name;
}
