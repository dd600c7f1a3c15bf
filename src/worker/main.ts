import { join } from 'node:path';
import { runWorker } from './run-worker.ts';

// Overwrites the arguments as other users see them: the API key may be among them.
process.title = 'oz-agent-worker';

const stop = new AbortController();
const hurry = new AbortController();
/** The first one ends the daemon in good order, the second at once. */
const end = () => (stop.signal.aborted ? hurry : stop).abort();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
// Started by a program that is gone now, however it went: nobody is left to ask for the end.
process.on('disconnect', () => stop.abort());
if (process.send && !process.connected) stop.abort();

const code = await runWorker({
  args: process.argv.slice(2),
  host: process.env,
  ozBeside: join(import.meta.dirname, '../../bin/oz.js'),
  stop: stop.signal,
  hurry,
  complain: (line) => void process.stderr.write(`oz-agent-worker: ${line.replaceAll(/\s*\n\s*/g, ' ')}\n`),
});
process.exit(code);
