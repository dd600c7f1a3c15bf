import { lookup } from 'node:dns';
import net from 'node:net';
import { networkInterfaces } from 'node:os';

/**
 * Looks up names of which only what they lie below was allowed: whoever rules there could let one lead to this machine
 * itself, or to the address that clouds tell a machine its secrets at. Such an answer is none, and `tell` hears of it.
 */
export function lookupElsewhere(tell: (name: string) => void): net.LookupFunction {
  return (name, options, answer) => {
    lookup(name, options, (error, found, family) => {
      const addresses = typeof found === 'string' ? [found] : (found ?? []).map(({ address }) => address);
      if (error !== null || !addresses.some(isHere)) return answer(error, found, family);
      tell(name);
      answer(new Error(`${name} leads to this machine itself`), []);
    });
  };
}

function isHere(address: string): boolean {
  const here = new net.BlockList();
  here.addSubnet('0.0.0.0', 8, 'ipv4');
  here.addSubnet('127.0.0.0', 8, 'ipv4');
  here.addSubnet('169.254.0.0', 16, 'ipv4');
  here.addSubnet('::', 127, 'ipv6');
  here.addSubnet('fe80::', 10, 'ipv6');
  for (const own of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    here.addAddress(own.address, own.family === 'IPv6' ? 'ipv6' : 'ipv4');
  }
  return here.check(address, net.isIPv6(address) ? 'ipv6' : 'ipv4');
}
