import { rename, rm, writeFile } from 'node:fs/promises';

/**
 * Writes a file that is always whole: the old text or the new one, never half of either. Without fsync: the death of the
 * process loses nothing, a power cut the last seconds (docs/decisions/0011-journal.md).
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  try {
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, path);
  } catch (error) {
    // What it holds takes room on a disk that may be full.
    await rm(draft, { force: true });
    throw error;
  }
}

export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
}
