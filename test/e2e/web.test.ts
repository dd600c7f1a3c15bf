import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createClient, type Client } from '../../src/client/client.ts';
import { launchBrowser, openPage, skipsBrowserTests } from '../helpers/browser.ts';
import { startProgram, startServer, startWorker, type RunningServer } from '../helpers/programs.ts';
import { makeWorkerHost } from '../helpers/worker-host.ts';

describe.skipIf(skipsBrowserTests)('the web app', () => {
  let server: RunningServer;
  let apiKey: string;
  let client: Client;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    server = await startServer();
    apiKey = await server.createApiKey('test');
    client = createClient({ rootUrl: server.url, credential: { apiKey } });
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    context = await browser.newContext();
    ({ page, faults } = await openPage(context, server.url));
  });

  afterEach(async () => {
    await context.close();
    if (faults.length > 0) throw new Error(`The page did what it must not:\n${faults.join('\n')}`);
  });

  test('A stranger is told how to sign in; a link signs in once, and says so when it is used again.', async () => {
    await page.goto(server.url);
    await page.getByRole('heading', { name: 'Sign in to Emerald' }).waitFor();
    expect(await page.getByText('oz-server sign-in-link').count()).toBeGreaterThan(0);

    const link = await createSignInLink();
    await page.goto(link);
    await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to Emerald' }).waitFor();

    await page.goto(link);
    await page.getByText('This sign-in link has been used already').waitFor();
  });

  test('A run that was started in the form is followed live, and its output is text, never markup.', async () => {
    await using host = await makeWorkerHost();
    const setup = await host.script('setup.sh', 'echo preparing');
    const config = await host.file(
      'worker.yaml',
      `worker_id: "web-1"\nbackend:\n  direct:\n    workspace_root: "${host.workspaces}"\n    oz_path: "${host.oz}"\n    setup_command: "${setup}"\n`,
    );
    await using _worker = await startWorker({ server, apiKey, args: ['--config-file', config] });
    await signIn();

    await page.getByRole('link', { name: 'New run' }).click();
    await page.getByRole('button', { name: 'Start run' }).click();
    await page.getByText('A run needs a prompt.').waitFor();

    const script = [
      `printf '\\033[32mgreen\\033[0m <b>bold</b>\\n'`,
      `while [ ! -e ${host.path('out/go')} ]; do sleep 0.05; done`,
      'echo over',
      'exit 3',
    ].join('\n');
    await page.getByLabel('Prompt').fill(script);
    await page.getByText('A run needs a prompt.').waitFor({ state: 'detached' });
    await page.getByLabel('Host').selectOption('web-1');
    await page.getByLabel('Title').fill('Watched from a browser');
    await page.getByRole('button', { name: 'Start run' }).dblclick();

    await page.getByRole('heading', { name: 'Watched from a browser' }).waitFor();
    const output = page.getByRole('region', { name: 'Output of run_command' });
    await output.getByText('<b>bold</b>').waitFor();
    expect(await output.locator('.fg-green').textContent()).toBe('green');
    expect(await page.getByRole('status').textContent()).toContain('In progress');
    expect(await output.textContent()).not.toContain('over');

    await host.file('out/go', '');
    await output.getByText('over').waitFor();
    await page.getByText('Exit code 3').waitFor();
    await page.getByRole('status').getByText('Failed', { exact: true }).waitFor();
    await page.getByText('agent_failed').waitFor();

    await page.getByRole('link', { name: 'Console' }).click();
    await page.getByRole('region', { name: 'Setup output' }).getByText('preparing').waitFor();
    await page.getByRole('region', { name: 'Agent output' }).waitFor();

    const { runs } = await client.listRuns();
    expect(runs.filter((run) => run.title === 'Watched from a browser')).toHaveLength(1);
    expect(runs[0]).toMatchObject({ source: 'WEB_APP', state: 'FAILED' });

    await page.getByRole('link', { name: 'Runs', exact: true }).click();
    await page.getByRole('row', { name: 'Watched from a browser' }).getByText('exited with code 3').waitFor();
  });

  test('A queued run says why it waits, in the list and on its page, and is cancelled after a question.', async () => {
    const { run_id: runId } = await client.createRun({
      prompt: 'true',
      title: 'Wants a worker that is not there',
      config: { worker_host: 'absent', harness: { type: 'shell' } },
    });
    await signIn();
    await page.getByRole('row', { name: 'Wants a worker' }).getByText('is connected').waitFor();

    await page.getByRole('link', { name: 'Wants a worker' }).click();
    await page.getByRole('status').getByText('Queued', { exact: true }).waitFor();
    await page.getByRole('status').getByText('is connected').waitFor();
    await page.getByRole('button', { name: 'Cancel run' }).click();
    await page.getByRole('button', { name: 'Keep it running' }).click();
    expect((await client.getRun(runId)).state).toBe('QUEUED');

    await page.getByRole('button', { name: 'Cancel run' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel run' }).click();
    await page.getByRole('status').getByText('Cancelled', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Cancel run' }).count()).toBe(0);
  });

  test('More runs than a page holds are loaded on demand, and an unknown run is named.', async () => {
    const titles = Array.from({ length: 31 }, (_, number) => `Page filler ${number}`);
    for (const title of titles) {
      await client.createRun({ prompt: 'true', title, config: { worker_host: 'absent', harness: { type: 'shell' } } });
    }
    await signIn();
    await page.getByRole('link', { name: 'Page filler 30' }).waitFor();
    expect(await page.getByRole('link', { name: 'Page filler 0' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByRole('link', { name: 'Page filler 0' }).waitFor();

    const unknownRun = '00000000-0000-4000-8000-000000000000';
    await page.goto(`${server.url}/runs/${unknownRun}`);
    await page.getByRole('alert').getByText(unknownRun).waitFor();
  });

  async function signIn(): Promise<void> {
    await page.goto(await createSignInLink());
    await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
  }

  async function createSignInLink(): Promise<string> {
    const args = ['sign-in-link', '--public-url', server.url, '--data-dir', server.dataDir];
    const { code, stdout, stderr } = await startProgram('oz-server', { args }).ended;
    if (code !== 0) throw new Error(`oz-server sign-in-link ended with ${code}: ${stderr}`);
    return stdout.trim();
  }
});
