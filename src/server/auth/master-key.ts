import { hkdfSync, randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../common/make-folder.ts';
import { CodedError } from '../../protocol/errors.ts';

const keyLength = 32;

/** The key kept in the data folder, made when first asked for. Two servers that ask at once get the same. */
export async function loadMasterKey(dataDir: string): Promise<Buffer> {
  const path = join(dataDir, 'master-key');
  await makeFolder(dataDir, 0o700);
  return (await readKey(path)) ?? (await makeKey(path));
}

/** A key for one purpose alone, so that what one of them gives away opens nothing else. */
export function deriveKey(masterKey: Buffer, purpose: 'sessions' | 'downloads'): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, '', purpose, keyLength));
}

async function readKey(path: string): Promise<Buffer | undefined> {
  try {
    const key = Buffer.from(await readFile(path, 'utf8'), 'base64');
    if (key.length === keyLength) return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  throw new CodedError(
    'internal_error',
    `${path} does not hold a key of ${keyLength} bytes in base64. Restore it from a backup.`,
  );
}

/** Written beside and linked into place, so that a half-written key is never read and an existing one never replaced. */
async function makeKey(path: string): Promise<Buffer> {
  const temporary = `${path}.${process.pid}`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(randomBytes(keyLength).toString('base64'));
    await file.sync();
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
  const key = await readKey(path);
  if (key === undefined) throw new Error(`${path} vanished.`);
  return key;
}
