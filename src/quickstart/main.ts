import { join } from 'node:path';
import { ApiError, NetworkError } from '../client/api-error.ts';
import { systemClock } from '../common/clock.ts';
import { exitCodes } from '../common/exit-codes.ts';
import { version } from '../common/version.ts';
import { createDisplay } from './display.ts';
import { parseOptions, usage } from './options.ts';
import { createPrograms } from './programs.ts';
import { QuickstartError } from './quickstart-error.ts';
import { runQuickstart } from './quickstart.ts';
import { listenForStopRequests } from './stop-requests.ts';

process.exitCode = await main(process.argv.slice(2), process.env);
// Nobody is left to talk to; the channel alone would keep this process alive.
if (process.connected) process.disconnect();

async function main(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    return await start(args, env);
  } catch (error) {
    if (!isForUsers(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error instanceof QuickstartError ? error.exitCode : exitCodes.failure;
  }
}

function isForUsers(error: unknown): error is Error {
  return error instanceof QuickstartError || error instanceof ApiError || error instanceof NetworkError;
}

async function start(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const root = join(import.meta.dirname, '../..');
  const workingDirectory = env['INIT_CWD'] ?? process.cwd();
  const options = parseOptions(args, { root, workingDirectory });
  if (!options) {
    process.stdout.write(usage);
    return exitCodes.success;
  }
  const clock = systemClock;
  const requests = listenForStopRequests(process, clock);
  const colour = process.stdout.isTTY && !env['NO_COLOR'];
  const display = createDisplay({ write: (text) => void process.stdout.write(text), colour, clock });
  display.line(display.bold(`Emerald ${version}`));
  const programs = createPrograms({ root, dataDir: options.dataDir, env, clock });
  await runQuickstart(options, { programs, display, requests, clock, workingDirectory });
  display.line('Stopped.');
  return exitCodes.success;
}
