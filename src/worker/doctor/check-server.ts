import { randomUUID } from 'node:crypto';
import type { Clock } from '../../common/clock.ts';
import { rootReason } from '../../common/root-reason.ts';
import type { WorkerConfig } from '../config/config.ts';
import { dial, KeyRefusedError } from '../connection/dial.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

export interface ServerCheckOptions {
  config: WorkerConfig;
  host: Readonly<Record<string, string | undefined>>;
  clock: Clock;
}

/** How long the server may take to answer, and how far its clock may be from ours; in milliseconds. */
const answerLimit = 10_000;
const skewLimit = 30_000;

/** Where agents will look for the server. */
export async function checkServer({ config, clock }: ServerCheckOptions): Promise<Finding[]> {
  const { rootUrl } = config.server;
  try {
    const response = await fetch(`${rootUrl}/healthz`, { signal: AbortSignal.timeout(answerLimit) });
    await response.body?.cancel();
    return [ok('server', `${rootUrl} answers`), ...skewOf(response.headers.get('date'), clock)];
  } catch (error) {
    const advice = 'Check --server-root-url, the network, and that the server runs.';
    return [fail('server', `${rootUrl} cannot be reached: ${rootReason(error)}`, advice)];
  }
}

function skewOf(date: string | null, clock: Clock): Finding[] {
  const skew = clock.now() - Date.parse(date ?? '');
  if (Number.isNaN(skew)) return [];
  const seconds = Math.round(Math.abs(skew) / 1_000);
  if (Math.abs(skew) <= skewLimit) return [ok('clock', `within ${Math.max(1, seconds)} s of the server's`)];
  const detail = `${seconds} s ${skew > 0 ? 'ahead of' : 'behind'} the server's`;
  return [warn('clock', detail, 'Let both machines keep their time by NTP: time limits go by it.')];
}

/**
 * Connects as a worker of a name that nobody routes to, says nothing and hangs up: before a worker's first word the
 * server offers it nothing.
 */
export async function checkLink({ config, host }: ServerCheckOptions): Promise<Finding[]> {
  const { webSocketUrl: url, apiKey } = config;
  try {
    const signal = AbortSignal.timeout(answerLimit);
    const { socket, isV2 } = await dial({ url, workerId: `doctor-${randomUUID()}`, apiKey, host, signal });
    socket.terminate();
    return [ok('key', 'the server accepts it'), protocolOf(isV2)];
  } catch (error) {
    if (error instanceof KeyRefusedError) {
      return [fail('key', error.message, 'Make a key with `oz-server api-key create`, and set it as WARP_API_KEY.')];
    }
    const advice = 'Check --web-socket-url, and that the proxies in between pass WebSockets.';
    return [fail('link', `${url} cannot be connected to: ${rootReason(error)}`, advice)];
  }
}

function protocolOf(isV2: boolean): Finding {
  if (isV2) return ok('protocol', 'oz-worker.v2: nothing that is said is lost');
  const advice = 'With a server of this project, reports are acknowledged and survive a restart of either side.';
  return warn('protocol', 'the stock protocol', advice);
}
