import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CodedError } from '../../../protocol/errors.ts';
import { signInBasePath, signInRoutes } from '../../auth/sign-in-routes.ts';
import type { People } from '../../auth/people.ts';
import type { Database } from '../../store/database.ts';
import { findMembership } from '../../store/people.ts';
import { principalOf } from '../access.ts';
import type { App } from '../fastify-app.ts';

const sessionSchema = z.object({
  user: z.object({ id: z.string(), name: z.string(), email: z.string() }),
  team: z.object({ id: z.string(), name: z.string() }),
});

/** Who is signed in. */
export function sessionRoute(app: App, { db }: { db: Database }): void {
  app.get(
    '/session',
    { config: { permission: 'session:read' }, schema: { response: { 200: sessionSchema } } },
    async (request) => {
      const principal = principalOf(request);
      const membership = principal.kind === 'user' && (await findMembership(db, principal.userId));
      if (!membership) throw new CodedError('authentication_required', 'Nobody is signed in.');
      return { user: membership.user, team: membership.team };
    },
  );
}

/** Hands sign-in and sign-out to the library that keeps the sessions; it looks after their credentials itself. */
export function signInAndOutRoutes(app: App, { people }: { people: People }): void {
  for (const { method, path } of signInRoutes) {
    app.route({
      method,
      url: `${signInBasePath}${path}`,
      config: { permission: 'public' },
      schema: { hide: true },
      handler: async (request, reply) => sendResponse(reply, await people.handle(toWebRequest(request))),
    });
  }
}

function toWebRequest(request: FastifyRequest): Request {
  const { method, headers, body } = request;
  const webHeaders = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    // The body is written anew, its length with it.
    if (value !== undefined && name !== 'content-length') webHeaders.set(name, [value].flat().join(', '));
  }
  const hasBody = method !== 'GET' && body !== undefined && body !== null;
  return new Request(addressOf(request), {
    method,
    headers: webHeaders,
    ...(hasBody && { body: JSON.stringify(body) }),
  });
}

/** As the client wrote it. */
function addressOf({ protocol, host, url }: FastifyRequest): URL {
  const address = host === '' ? null : URL.parse(`${protocol}://${host}${url}`);
  if (address) return address;
  throw new CodedError('invalid_request', `The Host header ${JSON.stringify(host)} is not the name of a server.`);
}

async function sendResponse(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  reply.code(response.status);
  for (const [name, value] of response.headers) if (name !== 'set-cookie') reply.header(name, value);
  reply.header('set-cookie', response.headers.getSetCookie());
  return await reply.send(await response.text());
}
