import { renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Writes a file that is always whole: the old text or the new one, never half of either. Without fsync: the death of the
 * process loses nothing, a power cut the last seconds (docs/decisions/0011-journal.md). At once, because four trips through
 * the thread pool take ten times as long as a small file.
 */
export function replaceFile(path: string, text: string): void {
  const draft = `${path}.new`;
  try {
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, path);
  } catch (error) {
    // What it holds takes room on a disk that may be full.
    rmSync(draft, { force: true });
    throw error;
  }
}

export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
}
