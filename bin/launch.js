import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const oldestNode = 24;

/**
 * Runs the built program `dist/<program>/main.js`. Plain JavaScript that an older Node understands, so that it can say
 * what is wrong; in a development checkout it goes on with the checkout's own Node instead.
 */
export function launch(program) {
  if (Number.parseInt(process.versions.node, 10) >= oldestNode) return load(program);
  const ownNode = pathOf('node_modules/node/bin/node');
  if (existsSync(ownNode)) return goOnWith(ownNode);
  return fail(`This program needs Node ${oldestNode} or newer; ${process.execPath} is Node ${process.versions.node}.`);
}

function load(program) {
  const main = pathOf(`dist/${program}/main.js`);
  if (!existsSync(main)) return fail(`${main} is missing: run \`npm run build\` in ${pathOf('.')}.`);
  // Beside the programs it was made from, never in a temporary folder that others can write to.
  module.enableCompileCache(pathOf('dist/.compile-cache'));
  return import(new URL(`../dist/${program}/main.js`, import.meta.url).href);
}

async function goOnWith(node) {
  const { handOver } = await import('./hand-over.js');
  handOver(node, process.argv.slice(1));
}

function pathOf(path) {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
