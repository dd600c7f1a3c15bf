import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../common/logger.ts';
import { removeTree } from '../workspace/remove-tree.ts';
import type { Entry } from './entry.ts';
import { isDiskFull, replaceFile } from './replace-file.ts';

/** The entry of one task, in memory and on disk. */
export interface TaskEntry {
  /** What belongs to the task and not into its workspace; it goes with the entry. */
  readonly folder: string;
  /** As it is now. */
  get(): Readonly<Entry>;
  /**
   * Resolves once it is on disk. A disk that cannot be written to ends no task: what could not be written is in memory,
   * and goes to disk with the next change. Once the journal is frozen it stays pending.
   */
  update(change: Partial<Entry>): Promise<void>;
  /** Gives up the reserve where the disk is as good as full: a teardown that cannot begin would be worse. */
  makeRoom(): Promise<void>;
  /** Changes what is of use and not vital: it goes to disk with the next update. */
  note(change: Partial<Entry>): void;
  remove(): Promise<void>;
}

export interface TaskEntryTools {
  log: Logger;
  /** Aborted when the daemon leaves its tasks to the next one: nothing is written any more. */
  frozen: AbortSignal;
}

export const entryFile = 'entry.json';
const reserveFile = 'reserve';
/** Room for what must be written of a task while the disk is full: a few drafts of its entry, and exit codes. */
const reserve = Buffer.alloc(64 * 1024, 1);

/** Rejects when it cannot be written down; then nothing of it is left. */
export async function createTaskEntry(folder: string, entry: Entry, tools: TaskEntryTools): Promise<TaskEntry> {
  await makeEmpty(folder);
  try {
    writeFileSync(join(folder, reserveFile), reserve, { mode: 0o600 });
    replaceFile(join(folder, entryFile), JSON.stringify(entry));
  } catch (error) {
    await removeTree(folder);
    throw error;
  }
  return openTaskEntry(folder, entry, tools);
}

/** Makes and removes what a task without an entry would leave. */
export async function tryOutFolder(folder: string): Promise<void> {
  await makeEmpty(folder);
  try {
    writeFileSync(join(folder, reserveFile), reserve, { mode: 0o600 });
  } finally {
    await removeTree(folder);
  }
}

/** What an earlier execution of the run left because it could not be removed then would be taken for this one's. */
async function makeEmpty(folder: string): Promise<void> {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await removeTree(folder);
    mkdirSync(folder, { mode: 0o700 });
  }
}

export function openTaskEntry(folder: string, entry: Entry, { log, frozen }: TaskEntryTools): TaskEntry {
  let current = entry;
  const path = join(folder, entryFile);

  function write(): void {
    try {
      replaceFile(path, JSON.stringify(current));
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      rmSync(join(folder, reserveFile), { force: true });
      replaceFile(path, JSON.stringify(current));
    }
  }

  return {
    folder,
    get: () => current,
    update(change) {
      current = { ...current, ...change };
      if (frozen.aborted) return new Promise(() => undefined);
      try {
        write();
      } catch (err) {
        log.error({ err }, 'What became of a task cannot be written down');
      }
      return Promise.resolve();
    },
    async makeRoom() {
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize < reserve.length) await rm(join(folder, reserveFile), { force: true });
    },
    note(change) {
      current = { ...current, ...change };
    },
    async remove() {
      if (frozen.aborted) return;
      // The entry first: without it nobody takes what is left for a task.
      await rm(path, { force: true });
      await removeTree(folder);
    },
  };
}
