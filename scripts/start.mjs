import { handOver } from '../bin/hand-over.js';
import { ownEnvironment, ownNode, root, setUp } from './setup.mjs';
import { join } from 'node:path';

setUp();
handOver(ownNode, [join(root, 'dist/quickstart/main.js'), ...process.argv.slice(2)], {
  ipc: true,
  env: ownEnvironment,
});
