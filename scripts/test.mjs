import { installPackages } from './packages.mjs';
import { run, setUp } from './setup.mjs';

// `npm test` is all that `npm run verify` checks, on a machine that has nothing yet; `npm test -- <vitest arguments>`
// runs the named tests alone.

const vitestArguments = process.argv.slice(2);
setUp();
installPackages();
if (vitestArguments.length === 0) run('npm', ['run', '--silent', 'check'], '`npm run check` failed.');
run('vitest', ['run', ...vitestArguments], 'Tests failed.');
