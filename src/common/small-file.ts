import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/**
 * The text of a file that somebody else made: at most `limit` bytes of it are ever held, and a pipe, which might keep its
 * reader waiting for ever, is refused as anything is that is no file; so is a link, which may lead where its maker must
 * not look. The errors say what is wrong, not where.
 */
export async function readSmallFile(path: string, limit: number): Promise<string> {
  const file = await openPlain(path);
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is not a file');
    const buffer = Buffer.alloc(limit + 1);
    let length = 0;
    for (let bytesRead = -1; bytesRead !== 0 && length < buffer.length; length += bytesRead) {
      ({ bytesRead } = await file.read(buffer, length));
    }
    if (length > limit) throw new Error(`it is longer than ${limit} bytes`);
    return buffer.toString('utf8', 0, length);
  } finally {
    await file.close();
  }
}

async function openPlain(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw new Error('it is a link', { cause: error });
    throw error;
  }
}
