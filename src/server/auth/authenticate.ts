import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { CodedError } from '../../protocol/errors.ts';
import { findExecutionByToken } from '../store/agent-tokens.ts';
import { findApiKey, touchApiKey } from '../store/api-keys.ts';
import type { Database } from '../store/database.ts';
import { findMembership } from '../store/people.ts';
import { KeyCache } from './key-cache.ts';
import type { People } from './people.ts';
import type { AgentPrincipal, KeyPrincipal, Principal, UserPrincipal } from './principal.ts';
import { hashToken, isAgentToken, normalizeToken } from './tokens.ts';

/** Answers who is asking, or refuses with `authentication_required`. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Principal>;

/** How long an agent's token outlives its execution, for what it still has to report. In milliseconds, as below. */
const tokenGrace = 10 * 60_000;
/** How exact `last_used_at` is: a write for each request would cost more than the request. */
const lastUsedPrecision = 60_000;

export interface AuthenticateOptions {
  db: Database;
  people: People;
  clock: Clock;
  log: Logger;
}

/** A credential in the header beats a session's cookie. */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const parts = { ...options, noteUse: createUseNotes(options), keys: new KeyCache(options.clock) };
  return async (headers) => {
    const token = readBearer(headers);
    const principal = token === undefined ? await fromSession(headers, parts) : await fromToken(token, parts);
    if (principal) return principal;
    throw new CodedError('authentication_required', refusal(token));
  };
}

interface Parts extends AuthenticateOptions {
  noteUse: (keyId: string) => void;
  keys: KeyCache;
}

async function fromToken(token: string, options: Parts): Promise<Principal | undefined> {
  const hash = hashToken(token);
  // A key may by chance look like an agent's token, so a look among the keys follows.
  return (isAgentToken(token) && (await fromAgentToken(hash, options))) || (await fromApiKey(hash, options));
}

async function fromAgentToken(hash: Buffer, { db, clock }: AuthenticateOptions): Promise<AgentPrincipal | undefined> {
  const execution = await findExecutionByToken(db, hash, new Date(clock.now() - tokenGrace));
  if (!execution) return undefined;
  const { id, run_id, fence, team_id } = execution;
  return { kind: 'agent', runId: run_id, executionId: id, fence, teamId: team_id };
}

async function fromApiKey(hash: Buffer, options: Parts): Promise<KeyPrincipal | undefined> {
  const principal = options.keys.find(hash) ?? (await findKey(hash, options));
  if (principal) options.noteUse(principal.keyId);
  return principal;
}

async function findKey(hash: Buffer, { db, clock, keys }: Parts): Promise<KeyPrincipal | undefined> {
  const key = await findApiKey(db, hash, new Date(clock.now()));
  if (!key) return undefined;
  const principal: KeyPrincipal = { kind: 'key', keyId: key.id, teamId: key.team_id };
  keys.keep(hash, { principal, expiresAt: key.expires_at });
  return principal;
}

/** Not waited for: it is for people to read, and no request depends on it. */
function createUseNotes({ db, clock, log }: AuthenticateOptions): (keyId: string) => void {
  const noted = new Map<string, number>();
  return (keyId) => {
    const now = clock.now();
    if (now - (noted.get(keyId) ?? 0) < lastUsedPrecision) return;
    noted.set(keyId, now);
    touchApiKey(db, keyId, new Date(now)).catch((error: unknown) => {
      log.warn({ err: error, key_id: keyId }, 'The last use of an API key could not be noted.');
    });
  };
}

async function fromSession(
  headers: IncomingHttpHeaders,
  { db, people }: AuthenticateOptions,
): Promise<UserPrincipal | undefined> {
  if (!headers.cookie) return undefined;
  const userId = await people.userOfSession(headers.cookie);
  const membership = userId && (await findMembership(db, userId));
  if (!membership) return undefined;
  return { kind: 'user', userId: membership.user.id, teamId: membership.team.id, role: membership.role };
}

function readBearer({ authorization }: IncomingHttpHeaders): string | undefined {
  if (authorization === undefined) return undefined;
  const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
  if (token) return normalizeToken(token);
  throw new CodedError('authentication_required', 'The Authorization header must be "Bearer" and an API key.');
}

function refusal(token: string | undefined): string {
  if (token === undefined) return 'Send an API key as "Authorization: Bearer wk-…", or sign in.';
  return `The ${isAgentToken(token) ? "agent's token" : 'API key'} ending in "${token.slice(-4)}" is not valid here.`;
}
