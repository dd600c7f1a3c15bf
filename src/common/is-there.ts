import { access } from 'node:fs/promises';

/** Whether there is something at a path that can be reached; why it cannot does not matter to who asks here. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Missing, or as good as that.
    return false;
  }
}
