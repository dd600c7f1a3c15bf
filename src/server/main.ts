import { join } from 'node:path';
import { systemClock } from '../common/clock.ts';
import { runCommandLine } from './command-line.ts';
import { createApiKeyCommand } from './api-key-create.ts';
import { serve } from './serve.ts';
import { signInLink } from './sign-in-link.ts';

/** The same from source (src/server) and from the bundle (dist/server). */
const packageRoot = join(import.meta.dirname, '..', '..');

process.exit(
  await runCommandLine(process.argv.slice(2), process.env, {
    serve: (config) => serve(config, { packageRoot, clock: systemClock }),
    signInLink,
    createApiKey: createApiKeyCommand,
  }),
);
