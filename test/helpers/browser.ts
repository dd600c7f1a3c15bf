import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A browser of nobody's: no profile, no updates, no calls home. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Whoever cannot have a browser may skip what needs one, knowingly. */
export const skipsBrowserTests = process.env['OZ_SKIP_BROWSER_TESTS'] === '1';

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findBrowser(), args: flags, headless: true });
}

function findBrowser(): string {
  const named = process.env['CHROMIUM_PATH'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = named ?? folders.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync);
  if (found && existsSync(found)) return found;
  throw new Error(
    `${named ? `CHROMIUM_PATH names ${named}, which does not exist` : 'There is no Chromium in PATH'}: install one ` +
      '(Debian: apt-get install chromium), name it in CHROMIUM_PATH, or set OZ_SKIP_BROWSER_TESTS=1.',
  );
}

export interface WatchedPage {
  page: Page;
  /** What the page did wrong: errors, breaches of its security policy, requests to other servers. */
  faults: string[];
}

/** A page of a browser context that reports what no page of ours may do. Refused requests are for the test to judge. */
export async function openPage(context: BrowserContext, origin: string): Promise<WatchedPage> {
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    const refusal = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !refusal) faults.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`request to ${request.url()}`);
  });
  return { page, faults };
}
