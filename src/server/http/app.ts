import { randomUUID } from 'node:crypto';
import swagger from '@fastify/swagger';
import fastify, { type FastifyBaseLogger } from 'fastify';
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import type { Logger } from '../../common/logger.ts';
import { version } from '../../common/version.ts';
import type { Authenticate } from '../auth/authenticate.ts';
import { installAccess } from './access.ts';
import type { App } from './fastify-app.ts';
import { refuseDeepBodies } from './body-depth.ts';
import { installProblems, sendRefusal } from './problems.ts';

/** In bytes. */
const bodyLimit = 10 * 1024 * 1024;

/** An application without routes: it checks and writes by zod schemas, guards each route, and refuses in one form. */
export async function createApp({ log, authenticate }: { log: Logger; authenticate: Authenticate }): Promise<App> {
  const app = fastify({
    // Its own lines about each request would cost more than many a request; see below.
    loggerInstance: log.child({}, { level: quieter(log.level) }) as FastifyBaseLogger,
    bodyLimit,
    genReqId: () => randomUUID(),
    // A slow or an idle client ends by Node's own limits; what is left when the server stops is cut off.
    forceCloseConnections: 'idle',
    // Some clients offer to go on in HTTP/2 (`Upgrade: h2c`) with any request; whoever does not take it just answers.
    http: { shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket' },
    frameworkErrors: sendRefusal,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.addHook('onResponse', async ({ id, method, url }, reply) => {
    log.debug({ trace_id: id, method, url, status: reply.statusCode, ms: reply.elapsedTime }, 'Answered.');
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    reply.header('x-content-type-options', 'nosniff');
    // What is about runs and people is nobody's to keep, unless a route says otherwise.
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    done();
  });
  // Everything here is JSON; what calls itself plain text is refused by that name.
  app.removeContentTypeParser('text/plain');
  installProblems(app);
  refuseDeepBodies(app);
  installAccess(app, authenticate);
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Emerald', version } },
    transform: jsonSchemaTransform,
  });
  return app;
}

function quieter(level: string): string {
  return level === 'error' ? 'error' : 'warn';
}
