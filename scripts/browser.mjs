import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './setup.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The web app's test drives a real browser. Where one can be had without asking anybody, it is installed. */
export function installBrowser() {
  if (process.env.CHROMIUM_PATH || process.env.OZ_SKIP_BROWSER_TESTS === '1' || names.some(isInPath)) return;
  const mayInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (!mayInstall) return;
  console.log('Installing Chromium for the test of the web app…');
  run('apt-get', ['update', '-qq'], '`apt-get update` failed.');
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], 'Chromium was not installed.');
}

function isInPath(name) {
  return process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, name)));
}
