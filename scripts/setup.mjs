import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The first step of `npm start` and `npm test`: plain JavaScript for whatever Node (18 or newer) the machine has.

export const root = fileURLToPath(new URL('..', import.meta.url));
/** The Node that the project brings with it. */
export const ownNode = join(root, 'node_modules/node/bin/node');
/** What npm gives its scripts, also where one is started without npm. */
export const ownEnvironment = {
  ...process.env,
  PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
};

/** Installs the packages where they are missing or not those of package-lock.json, and builds what has changed. */
export function setUp() {
  if (!isInstalled()) install();
  run(ownNode, ['scripts/build.ts'], 'The build failed.');
}

/** Runs a step to its end; where it fails, so does this process, with its exit code. */
export function run(command, args, sentence) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: ownEnvironment });
  if (status === 0) return;
  console.error(error ? `${sentence} ${error.message}` : sentence);
  process.exit(signal ? 130 : (status ?? 1));
}

function install() {
  console.log('Installing packages (once, and when package-lock.json changes)…');
  const args = ['ci', '--include=dev', '--include=optional'];
  const npm = process.env.npm_execpath;
  if (npm) run(process.execPath, [npm, ...args], '`npm ci` failed.');
  else run('npm', args, '`npm ci` failed.');
  if (isInstalled()) return;
  console.error(`The packages are not complete after \`npm ci\`. ${adviceAfterInstall()}`);
  process.exit(1);
}

function adviceAfterInstall() {
  if (process.env.npm_config_ignore_scripts !== 'true') return 'Remove node_modules and try again.';
  return (
    'npm is set to run no install scripts, and those that package.json names under allowScripts are needed: ' +
    'say `npm ci --ignore-scripts=false`, and then this again.'
  );
}

/** npm writes its hidden lockfile last, so that an install that was cut short has none. */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json');
  const wanted = packagesOf('package-lock.json');
  return (
    existsSync(ownNode) &&
    Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
      if (path === '') return true;
      const found = installed[path];
      return found ? found.version === version : Boolean(optional || devOptional);
    })
  );
}

function packagesOf(lockfile) {
  const path = join(root, lockfile);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : {};
}
