import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './setup.mjs';

const browsers = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * What some tests need and no npm package brings: a browser for the web app's, bubblewrap for the sandbox's. Where it can
 * be had without asking anybody, it is installed.
 */
export function installPackages() {
  const missing = [...(needsBrowser() ? ['chromium'] : []), ...(needsBubblewrap() ? ['bubblewrap'] : [])];
  const mayInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (missing.length === 0 || !mayInstall) return;
  console.log(`Installing ${missing.join(' and ')} for the tests…`);
  run('apt-get', ['update', '-qq'], '`apt-get update` failed.');
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], 'Not all of it was installed.');
}

function needsBrowser() {
  return !process.env.CHROMIUM_PATH && process.env.OZ_SKIP_BROWSER_TESTS !== '1' && !browsers.some(isInPath);
}

function needsBubblewrap() {
  return process.platform === 'linux' && !isInPath('bwrap');
}

function isInPath(name) {
  return process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, name)));
}
