import { extname } from 'node:path';
import staticFiles from '@fastify/static';
import type { FastifyReply } from 'fastify';
import { CodedError } from '../../../protocol/errors.ts';
import type { App } from '../fastify-app.ts';

/** Vite names what it puts here by its content. */
const hashedFolder = '/assets/';
/** In milliseconds. */
const aYear = 365 * 24 * 60 * 60_000;

const securityHeaders = {
  'content-security-policy': [
    "default-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};

/** The web app at `/`. Its own router reads the path, so every path without a file of that name gets the one page. */
export async function webAppRoutes(app: App, { folder }: { folder: string }): Promise<void> {
  await app.register(staticFiles, { root: folder, serve: false });
  app.addHook('onSend', async (_request, reply) => {
    reply.headers(securityHeaders);
  });
  app.get('/*', { config: { permission: 'public' }, schema: { hide: true } }, async (request, reply) => {
    const path = decodePath(request.url);
    if (path.startsWith('/api/')) throw new CodedError('resource_not_found', `There is nothing at GET ${path}.`);
    return extname(path) === '' ? sendPage(reply) : sendFile(reply, path);
  });
}

function sendPage(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-cache').sendFile('index.html', { cacheControl: false });
}

function sendFile(reply: FastifyReply, path: string): FastifyReply {
  return path.startsWith(hashedFolder)
    ? reply.sendFile(path, { maxAge: aYear, immutable: true })
    : reply.sendFile(path, { maxAge: 0 });
}

function decodePath(url: string): string {
  try {
    return decodeURIComponent(url.split('?')[0] ?? '/');
  } catch (cause) {
    throw new CodedError('invalid_request', 'The path is not properly percent-encoded.', { cause });
  }
}
