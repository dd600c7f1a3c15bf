import { z } from 'zod';
import { CodedError } from '../../../protocol/errors.ts';
import type { App } from '../fastify-app.ts';

/** `isReady`: whether the database answers and is migrated. */
export function healthRoutes(app: App, { isReady }: { isReady: () => Promise<boolean> }): void {
  const answer = { response: { 200: z.object({ status: z.literal('ok') }) } };

  app.get('/healthz', { config: { permission: 'public' }, schema: answer }, () => ({ status: 'ok' as const }));

  app.get('/readyz', { config: { permission: 'public' }, schema: answer }, async () => {
    if (await isReady()) return { status: 'ok' as const };
    throw new CodedError('resource_unavailable', 'The database is not migrated yet.');
  });

  app.get('/openapi.json', { config: { permission: 'public' }, schema: { hide: true } }, () => app.swagger());
}
