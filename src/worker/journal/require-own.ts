import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CodedError } from '../../protocol/errors.ts';

/**
 * Refuses a folder unless this user alone can put something into it, or something else in its place. Whatever stands in
 * the journal is executed, ended and removed with this user's rights, and so must have come from nobody else.
 */
export async function requireOwn(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder);
  if (uid !== process.getuid?.()) {
    throw refusal(folder, `it belongs to another user (${uid}), who could have put anything there. Name another one`);
  }
  if ((mode & othersWrite) !== 0)
    throw refusal(folder, 'others may write to it. Look what is in it, then chmod go-w it');
  await requireSafePath(folder, dirname(await realpath(folder)));
}

async function requireSafePath(folder: string, above: string): Promise<void> {
  const { mode } = await stat(above);
  if ((mode & everybodyWrites) !== 0 && (mode & sticky) === 0) {
    throw refusal(folder, `everybody may exchange what is in ${above}. Name another one, or chmod o-w that`);
  }
  if (above !== dirname(above)) await requireSafePath(folder, dirname(above));
}

function refusal(folder: string, why: string): CodedError {
  return new CodedError('invalid_request', `The state folder ${folder} cannot be used: ${why}.`);
}

const othersWrite = 0o022;
const everybodyWrites = 0o002;
const sticky = 0o1000;
