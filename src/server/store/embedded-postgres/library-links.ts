import { readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { isThere } from '../../../common/is-there.ts';
import { CodedError } from '../../../protocol/errors.ts';

interface Link {
  /** The library; like `target`, below the package's folder. */
  source: string;
  /** The name that the programs look for. */
  target: string;
}

/**
 * Makes the symbolic links without which Postgres does not find its libraries. An npm package has none, so the platform
 * package makes them in an install script; but an installation may run no such scripts, as many people wish.
 */
export async function linkLibraries(packageFolder: string): Promise<void> {
  const links = await readLinks(join(packageFolder, 'native', 'pg-symlinks.json'));
  try {
    await Promise.all(links.map((link) => makeLink(packageFolder, link)));
  } catch (cause) {
    throw new CodedError(
      'operation_not_supported',
      `The embedded Postgres in ${packageFolder} is not complete: it was installed without its install script, and ` +
        `this user may not complete it. Start the server once as the user that installed it, or set DATABASE_URL to ` +
        `use a Postgres of your own.`,
      { cause },
    );
  }
}

async function readLinks(path: string): Promise<Link[]> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Link[];
  } catch (error) {
    // The packages of some platforms need no links.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function makeLink(packageFolder: string, { source, target }: Link): Promise<void> {
  const path = join(packageFolder, target);
  if (await isThere(path)) return;
  try {
    await symlink(relative(dirname(target), source), path);
  } catch (error) {
    // Another server that starts at the same time was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
