import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');
export const stampFile = join(root, 'dist/.stamp');

const inputs = [
  'src/**/*',
  'scripts/build*.ts',
  'package-lock.json',
  'package.json',
  'vite.config.ts',
  'tsconfig*.json',
];

/** A hash of everything that the build is made from. Contents, not times: a fresh clone's times say nothing. */
export function inputStamp(): string {
  const hash = createHash('sha256').update(process.version);
  for (const file of inputFiles())
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

export function isBuilt(): boolean {
  return readStamp() === inputStamp();
}

function readStamp(): string | undefined {
  try {
    return readFileSync(stampFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function inputFiles(): string[] {
  const found = globSync(inputs, { cwd: root, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile() && !entry.name.includes('.test.'));
  return files.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)).toSorted();
}
