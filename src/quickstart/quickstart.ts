import { access, constants } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createClient, type Client } from '../client/client.ts';
import { sleep, type Clock } from '../common/clock.ts';
import { makeFolder } from '../common/make-folder.ts';
import { settleClientSettings } from './client-settings.ts';
import type { ClientSettings } from './env-file.ts';
import type { Display } from './display.ts';
import { showFirstRun } from './first-run.ts';
import { showNextSteps } from './next-steps.ts';
import type { Options } from './options.ts';
import { localWorkerId, type Programs } from './programs.ts';
import { QuickstartError } from './quickstart-error.ts';
import type { StopRequests } from './stop-requests.ts';
import { abortable, createWatch, type Watch } from './watch.ts';

export interface QuickstartParts {
  programs: Programs;
  display: Display;
  requests: StopRequests;
  clock: Clock;
  /** Paths are shown relative to it where that is shorter. */
  workingDirectory: string;
}

/** Between two looks at whether the worker is connected, and how long that may take. In milliseconds. */
const pollPeriod = 100;
const connectLimit = 60_000;

/**
 * Starts the server and a worker, shows a first run where there has been none, and stays until it is asked to stop.
 * Throws a `QuickstartError` when something ends on its own; whatever was started has ended by then.
 */
export async function runQuickstart(options: Options, parts: QuickstartParts): Promise<void> {
  const watch = createWatch(parts.requests.stop);
  try {
    await boot(options, parts, watch);
    await watch.over;
  } catch (error) {
    if (!parts.requests.stop.aborted) throw error;
  } finally {
    await stopAll(watch, parts);
  }
}

async function boot(options: Options, parts: QuickstartParts, watch: Watch): Promise<void> {
  const { programs, display } = parts;
  await makeDataFolder(options.dataDir);
  const url = await startServer(options, parts, watch);
  const envFile = join(options.dataDir, 'quickstart.env');
  const createApiKey = () => programs.createApiKey();
  const settings = await abortable(settleClientSettings({ path: envFile, url, createApiKey }), watch.signal);
  const client = createClient({ rootUrl: url, credential: { apiKey: settings.apiKey } });
  await startWorker(client, settings, parts, watch);

  const { runs } = await client.listRuns({ limit: 1 }, { signal: watch.signal });
  display.line();
  if (runs.length > 0)
    display.line(`Picked up where ${shown(options.dataDir, parts)} was left: its runs are still there.`);
  else await showFirstRun(client, { host: localWorkerId, display, signal: watch.signal });
  const link = await abortable(programs.createSignInLink(), watch.signal);
  showNextSteps({ url, link, envFile: shown(envFile, parts), dataDir: shown(options.dataDir, parts) }, display);
}

async function startServer(options: Options, { programs, display }: QuickstartParts, watch: Watch): Promise<string> {
  return display.step(
    'Starting the server and its database',
    async () => {
      const server = watch.add(programs.startServer(options.port));
      const { url } = (await abortable(server.ready, watch.signal)) as { url: string };
      return url;
    },
    (url) => `Server at ${url}, with a Postgres of its own`,
  );
}

async function startWorker(
  client: Client,
  settings: ClientSettings,
  { programs, display, clock }: QuickstartParts,
  watch: Watch,
): Promise<void> {
  const worker = watch.add(await programs.startWorker(settings));
  const deadline = clock.now() + connectLimit;
  const connected = async () => {
    while (!(await isConnected(client, watch.signal))) {
      if (clock.now() > deadline) throw new QuickstartError(`The worker does not connect; ${worker.logFile} says why.`);
      await sleep(clock, pollPeriod, watch.signal);
    }
  };
  await display.step(
    'Starting a worker',
    connected,
    () => `Worker \`${localWorkerId}\`, which runs tasks on this machine`,
  );
}

async function isConnected(client: Client, signal: AbortSignal): Promise<boolean> {
  const { workers } = await client.connectedWorkers({ signal });
  return workers.some(({ worker_host }) => worker_host === localWorkerId);
}

async function makeDataFolder(dataDir: string): Promise<void> {
  try {
    await makeFolder(dataDir);
    await access(dataDir, constants.W_OK);
  } catch (error) {
    throw new QuickstartError(`The data folder ${dataDir} cannot be used: ${(error as Error).message}`);
  }
}

/** The worker first: its tasks' ends are still told to the server. */
async function stopAll(watch: Watch, { display, requests }: QuickstartParts): Promise<void> {
  for (const program of watch.running().toReversed()) {
    if (program.name === 'oz-agent-worker') display.line('Stopping the worker and its tasks…');
    await program.stop(requests.hurry);
  }
}

function shown(path: string, { workingDirectory }: QuickstartParts): string {
  const shorter = relative(workingDirectory, path);
  return shorter.startsWith('..') ? path : shorter;
}
