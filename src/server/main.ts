import { join } from 'node:path';
import { systemClock } from '../common/clock.ts';
import { runCommandLine } from './command-line.ts';

/** The same from source (src/server) and from the bundle (dist/server). */
const packageRoot = join(import.meta.dirname, '..', '..');

process.exit(
  await runCommandLine(process.argv.slice(2), process.env, {
    // Each loads what it needs only when it is asked for.
    serve: async (config) => (await import('./serve.ts')).serve(config, { packageRoot, clock: systemClock }),
    signInLink: async (...given) => (await import('./sign-in-link.ts')).signInLink(...given),
    createApiKey: async (...given) => (await import('./api-key-create.ts')).createApiKeyCommand(...given),
  }),
);
