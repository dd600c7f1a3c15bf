import { writeFile } from 'node:fs/promises';
import { exitCodeOf } from './exit.ts';
import { beginningFile, exitFile } from './record.ts';
import type { RecordedCommand, RecordedProcess } from './recorded-process.ts';
import { startProcess } from './start-process.ts';

/**
 * For development on a machine that has no shim: this program itself writes down what it sees. After its death, the
 * command counts as ended without an exit code.
 */
export async function startUnshimmed({ through, ...command }: RecordedCommand): Promise<RecordedProcess> {
  const { record } = command;
  const [program = command.program, ...args] = [...through, command.program, ...command.args];
  const started = await startProcess({ ...command, program, args });
  const nobody = `0 (none) X${' 0'.repeat(19)}`;
  await writeFile(beginningFile(record), `${nobody}\n${nobody}\nnone\n`, { mode: 0o600 });
  const exited = started.exited.then(async (exit) => {
    await writeFile(exitFile(record), `${exitCodeOf(exit)}\n`);
    return exit;
  });
  return { ...started, record, exited, release: () => undefined };
}
