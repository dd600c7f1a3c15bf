import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where the programs of the system are, whatever the PATH of a command says. */
const systemPath = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin', '/run/current-system/sw/bin'];

/** A program of the system itself; undefined where it is not installed. */
export function findSystemProgram(name: string): string | undefined {
  return systemPath.map((folder) => join(folder, name)).find((file) => reasonAgainst(file) === undefined);
}

/** Throws ENOENT or EACCES, as starting it would, for a program that cannot be started. */
export function requireProgram(program: string, path = ''): void {
  const files = program.includes('/') ? [program] : path.split(delimiter).map((folder) => join(folder || '.', program));
  const reasons = files.map(reasonAgainst);
  if (reasons.includes(undefined)) return;
  const denied = reasons.find((reason) => reason?.code === 'EACCES');
  throw Object.assign(new Error(`${program} ${denied ? 'may not be executed' : 'does not exist'}`), {
    code: denied ? 'EACCES' : 'ENOENT',
  });
}

function reasonAgainst(file: string): NodeJS.ErrnoException | undefined {
  try {
    accessSync(file, constants.X_OK);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}
