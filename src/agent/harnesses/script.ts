import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a script to a file of `folder` and answers the command that runs it. A file, because an argument is limited in
 * length. The `#!` line is read here and not by the kernel: that also works where temporary folders may not execute.
 */
export async function writeScript(folder: string, script: string): Promise<[string, ...string[]]> {
  const file = join(folder, 'script');
  await writeFile(file, script, { mode: 0o600 });
  return [...interpreterOf(script), file];
}

/** As the kernel reads it: a program and, as one argument, the rest of the line. */
function interpreterOf(script: string): [string, ...string[]] {
  const [, program, argument] = /^#![ \t]*([^\s]+)[ \t]*([^\r\n]*?)[ \t\r]*(?:\n|$)/.exec(script) ?? [];
  if (program === undefined) return ['/bin/sh'];
  return argument ? [program, argument] : [program];
}
