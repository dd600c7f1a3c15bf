import { extname, join } from 'node:path';
import { runWorker } from './run-worker.ts';

// Overwrites the arguments as other users see them: the API key may be among them.
process.title = 'oz-agent-worker';

/**
 * How urgently the daemon is asked to end; each of these includes the ones before.
 *
 * ```
 * stop (as on_shutdown says) → cancel (its tasks end) → hurry (they are killed)
 * ```
 */
const stop = new AbortController();
const cancel = new AbortController();
const hurry = new AbortController();
const requests = [stop, cancel, hurry];
const ask = (least: number) => {
  const next = requests.findIndex(({ signal }, index) => index >= least && !signal.aborted);
  requests.slice(0, next + 1).forEach((request) => request.abort());
};
// A terminal that hangs up is no person who wants the work to end.
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ask(0));
process.on('SIGINT', () => ask(1));
// Started by a program that is gone now, however it went: nobody is left to ask for the end.
process.on('disconnect', () => ask(1));
if (process.send && !process.connected) ask(1);

const code = await runWorker({
  args: process.argv.slice(2),
  host: process.env,
  ozBeside: join(import.meta.dirname, '../../bin/oz.js'),
  programs: { folder: import.meta.dirname, extension: extname(import.meta.filename) },
  stop: stop.signal,
  cancel,
  hurry,
  complain: (line) => void process.stderr.write(`oz-agent-worker: ${line.replaceAll(/\s*\n\s*/g, ' ')}\n`),
});
process.exit(code);
