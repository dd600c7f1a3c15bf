import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { maxUnsentLine, unsentCallSchema, unsentFile, type UnsentCall } from '../../protocol/unsent.ts';

/**
 * The calls that an agent left, one at a time. The task could put anything in their place: a link is not followed, a pipe
 * not waited for, and no line is held that is longer than one may be.
 */
export async function* readUnsent(folder: string): AsyncGenerator<UnsentCall> {
  const file = await openPlain(join(folder, unsentFile));
  if (file === undefined) return;
  try {
    for await (const line of linesOf(file)) yield parseCall(line);
  } finally {
    await file.close();
  }
}

function parseCall(line: string): UnsentCall {
  try {
    return unsentCallSchema.parse(JSON.parse(line));
  } catch {
    // What a parser says of it would show what stands there.
    throw new Error('a line is no call');
  }
}

async function openPlain(path: string): Promise<FileHandle | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw new Error('it is not a file');
  } catch (error) {
    // Nothing was left, as is usual.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const newline = 10;

/** Whole lines; a last one without its end was never finished. */
async function* linesOf(file: FileHandle): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline)) {
      yield rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > maxUnsentLine) throw new Error(`a line is longer than ${maxUnsentLine} bytes`);
  }
}
