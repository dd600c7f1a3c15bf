import type { FastifyRequest } from 'fastify';
import { CodedError } from '../../protocol/errors.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { Authenticate } from '../auth/authenticate.ts';
import { requirePermission, requireReach, type Permission } from '../auth/permissions.ts';
import type { AgentPrincipal, Principal } from '../auth/principal.ts';
import type { App } from './fastify-app.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller of the route must be allowed to do; a route that does not say it cannot be registered. */
    permission?: Permission | 'public';
  }
  interface FastifyRequest {
    /** Null on public routes. */
    principal: Principal | null;
  }
}

const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/** Guards every route by the permission it names. */
export function installAccess(app: App, authenticate: Authenticate): void {
  app.decorateRequest('principal', null);
  app.addHook('onRoute', ({ method, url, config }) => {
    if (!config?.permission)
      throw new Error(`The route ${String(method)} ${url} does not say which permission it needs.`);
  });
  app.addHook('onRequest', async (request) => {
    const { permission } = request.routeOptions.config;
    // An unknown route has none; it is answered alike to everybody.
    if (permission === undefined || permission === 'public') return;
    request.principal = await authenticate(request.headers);
    requirePermission(request.principal, permission);
    if (request.principal.kind === 'user') requireSameOrigin(request);
  });
}

export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Error(`${request.url} is public and has no principal.`);
  return request.principal;
}

/** The principal, provided that it reaches this run. */
export function principalFor(request: FastifyRequest, runId: RunId): Principal {
  const principal = principalOf(request);
  requireReach(principal, runId);
  return principal;
}

/** The agent of this run. */
export function agentFor(request: FastifyRequest, runId: RunId): AgentPrincipal {
  const principal = principalFor(request, runId);
  if (principal.kind === 'agent') return principal;
  throw new CodedError('not_authorized', "Only a run's own agent may report about it.");
}

/** A browser sends the cookie with whatever page asks it to, so what changes something must come from our own pages. */
function requireSameOrigin({ method, headers }: FastifyRequest): void {
  if (safeMethods.includes(method)) return;
  const { origin, host } = headers;
  if (origin !== undefined && URL.parse(origin)?.host === host) return;
  throw new CodedError(
    'not_authorized',
    `A signed-in request from ${origin ?? 'an unknown origin'} is not accepted here.`,
  );
}
