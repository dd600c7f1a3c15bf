import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { CodedError } from '../../protocol/errors.ts';
import { workerIdSchema } from '../../protocol/ids.ts';
import { workerLinkPath } from '../../protocol/worker-link.ts';
import type { Principal } from '../auth/principal.ts';
import type { WorkerIdentity } from '../store/executions.ts';

/** Who asks to be connected as which worker; refuses with a `CodedError`. */
export async function admit(
  request: IncomingMessage,
  authenticate: (headers: IncomingHttpHeaders) => Promise<Principal>,
): Promise<WorkerIdentity> {
  const url = URL.parse(request.url ?? '/', 'http://server');
  if (url?.pathname !== workerLinkPath) {
    throw new CodedError('resource_not_found', `Workers connect at ${workerLinkPath}, not at ${request.url}.`);
  }
  const principal = await authenticate(request.headers);
  if (principal.kind !== 'key') {
    throw new CodedError('not_authorized', 'A worker connects with a team’s API key; this credential is not one.');
  }
  return { teamId: principal.teamId, keyId: principal.keyId, workerId: workerIdOf(url) };
}

function workerIdOf(url: URL): string {
  const given = url.searchParams.get('worker_id');
  if (given === null) throw new CodedError('invalid_request', 'worker_id is missing in the query.');
  const parsed = workerIdSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues.map(({ message }) => message).join('; ');
  throw new CodedError('invalid_request', `worker_id ${JSON.stringify(given.slice(0, 128))} ${reason}.`);
}
