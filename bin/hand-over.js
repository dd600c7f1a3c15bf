import { spawn } from 'node:child_process';

/**
 * Lets another program take this one's place: its streams, signals and exit are those of this process. With `ipc` it
 * also gets a channel that closes when this process dies, however it dies.
 *
 * Plain JavaScript that a Node older than the project's own understands.
 */
export function handOver(command, args, { ipc = false, env = process.env } = {}) {
  const stdio = ipc ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit';
  const child = spawn(command, args, { stdio, env });
  passSignalsTo(child);
  child.on('error', (error) => {
    console.error(`${command} could not be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', endLike);
}

/** A terminal sends its interrupts to both processes; passed on as well, one Ctrl-C would count as two. */
function passSignalsTo(child) {
  const fromTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  process.on('SIGINT', () => fromTerminal || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGHUP'));
}

function endLike(code, signal) {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
