import { CodedError } from '../../protocol/errors.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { Principal } from './principal.ts';

/** Every route names one of these, or says that it is public. */
export type Permission =
  | 'runs:read'
  | 'runs:create'
  | 'runs:cancel'
  /** To report turns and transcript of one's own run. */
  | 'runs:report'
  | 'workers:read'
  /** To connect as a worker of the team. */
  | 'workers:connect'
  | 'session:read';

const granted: Record<Principal['kind'], readonly Permission[]> = {
  user: ['runs:read', 'runs:create', 'runs:cancel', 'workers:read', 'session:read'],
  key: ['runs:read', 'runs:create', 'runs:cancel', 'workers:read', 'workers:connect'],
  agent: ['runs:read', 'runs:report'],
};

const spoken: Record<Principal['kind'], string> = {
  user: 'A signed-in person',
  key: 'An API key',
  agent: "An agent's token",
};

/** Refuses with `not_authorized` what this kind of principal may not do. */
export function requirePermission(principal: Principal, permission: Permission): void {
  if (granted[principal.kind].includes(permission)) return;
  throw new CodedError('not_authorized', `${spoken[principal.kind]} does not have the permission ${permission}.`);
}

/** An agent reaches its own run alone; any other is to it as if it did not exist. */
export function requireReach(principal: Principal, runId: RunId): void {
  if (principal.kind === 'agent' && principal.runId !== runId) throw unknownRun(runId);
}

export function unknownRun(runId: string): CodedError {
  return new CodedError('resource_not_found', `There is no run ${runId}.`);
}
