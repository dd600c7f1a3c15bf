import { mkdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../../common/logger.ts';
import { removeTree } from '../workspace/remove-tree.ts';
import { entrySchema, type Entry } from './entry.ts';
import {
  listFolder,
  setAsideFolder,
  takeInstanceFolders,
  tasksFolder,
  type InstanceFolder,
} from './instance-folder.ts';
import {
  createTaskEntry,
  entryFile,
  openTaskEntry,
  tryOutFolder,
  type TaskEntry,
  type TaskEntryTools,
} from './task-entry.ts';

/** All that a daemon owns, on disk: what it began itself, and what dead daemons of its worker id have left. */
export interface Journal {
  /** Of this daemon's state folder. */
  readonly instanceId: string;
  /** Where it makes the folders of its tasks. */
  readonly tasksFolder: string;
  /** What earlier daemons left to be carried on, as of the start. */
  readonly inherited: readonly TaskEntry[];
  /** Rejects when it cannot be written down: then the task must not be taken. */
  create(entry: Entry): Promise<TaskEntry>;
  /** Rejects as long as no task could be written down. */
  tryOut(): Promise<void>;
  /** When the server last said something to this daemon or to the one before; undefined when it never did. */
  readonly lastContact: number | undefined;
  noteContact(at: number): Promise<void>;
  /** From now on nothing changes on disk: what the tasks do is for the next daemon to find. */
  freeze(): void;
  /** Gives the folders up to the next daemon, and removes those in which nothing is left. */
  close(): Promise<void>;
}

export interface JournalOptions {
  stateDir: string;
  workerId: string;
  clock: Clock;
  log: Logger;
}

/** How long what nobody could read is kept for people to look at, in milliseconds. */
export const garbageAge = 7 * 24 * 60 * 60_000;

export async function openJournal({ stateDir, workerId, clock, log }: JournalOptions): Promise<Journal> {
  const folders = await takeInstanceFolders(join(stateDir, workerId));
  const [own] = folders;
  const frozen = new AbortController();
  const tools: TaskEntryTools = { log, frozen: frozen.signal };
  const inherited: TaskEntry[] = [];
  for (const folder of folders) {
    await collectSetAside(folder, { tools, clock });
    inherited.push(...(await readEntries(folder, { tools, clock })));
  }
  const contacts = await Promise.all(folders.map(({ path }) => timeOf(join(path, contactFile))));
  return {
    instanceId: own.id,
    tasksFolder: join(own.path, tasksFolder),
    inherited,
    lastContact: contacts.reduce((a, b) => (a === undefined || (b !== undefined && b > a) ? b : a)),
    create: (entry) =>
      createTaskEntry(join(own.path, tasksFolder, entry.assignment.task_id), entry, toolsFor(entry, tools)),
    tryOut: () => tryOutFolder(join(own.path, tasksFolder, 'probe')),
    noteContact: (at) => setTime(join(own.path, contactFile), at),
    freeze: () => frozen.abort(),
    async close() {
      await Promise.all(folders.map((folder) => folder.close()));
    },
  };
}

const contactFile = 'contact';

interface Reading {
  tools: TaskEntryTools;
  clock: Clock;
}

async function readEntries(folder: InstanceFolder, { tools, clock }: Reading): Promise<TaskEntry[]> {
  const entries: TaskEntry[] = [];
  for (const name of await listFolder(join(folder.path, tasksFolder))) {
    const path = join(folder.path, tasksFolder, name);
    try {
      const entry = entrySchema.parse(JSON.parse(await readFile(join(path, entryFile), 'utf8')));
      if (entry.assignment.task_id !== name) throw new Error(`it is about the task ${entry.assignment.task_id}`);
      entries.push(openTaskEntry(path, entry, toolsFor(entry, tools)));
    } catch (error) {
      await passOver(folder, name, error, { tools, clock });
    }
  }
  return entries;
}

/**
 * A folder without an entry is one that was being made or removed. One whose entry means nothing is set aside for people
 * to look at. One that could not be read at this moment is somebody's task: better no daemon than one without it.
 */
async function passOver(
  folder: InstanceFolder,
  name: string,
  error: unknown,
  { tools, clock }: Reading,
): Promise<void> {
  const path = join(folder.path, tasksFolder, name);
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return removeLeftover(path, tools);
  if (syscall !== undefined && !meansNothing.includes(code ?? ''))
    throw new Error(`The entry of a task in ${path} cannot be read: ${message}.`);
  const aside = join(folder.path, setAsideFolder);
  await mkdir(aside, { recursive: true, mode: 0o700 });
  const kept = join(aside, `${name}.${clock.now()}`);
  await rename(path, kept);
  // What stands in the entry may be a secret, and so may what a parser says of it.
  tools.log.error(
    { task_id: name, kept },
    `An entry of the journal cannot be read (${(error as Error).name}): set aside`,
  );
}

/** What stands where an entry should be is no file, or no folder. */
const meansNothing = ['EISDIR', 'ENOTDIR', 'ELOOP'];

async function removeLeftover(path: string, { log }: TaskEntryTools): Promise<void> {
  // It keeps nobody from working, and the next daemon tries again.
  await removeTree(path).catch((err: unknown) => log.warn({ err }, 'What is left of a task cannot be removed'));
}

async function collectSetAside({ path }: InstanceFolder, { clock, tools }: Reading): Promise<void> {
  for (const name of await listFolder(join(path, setAsideFolder))) {
    const since = Number(name.split('.').at(-1));
    if (clock.now() - since > garbageAge) await removeLeftover(join(path, setAsideFolder, name), tools);
  }
}

function toolsFor({ assignment: { task_id, execution_id } }: Entry, tools: TaskEntryTools): TaskEntryTools {
  return { ...tools, log: tools.log.child({ task_id, execution_id }) };
}

async function timeOf(path: string): Promise<number | undefined> {
  // There is none before the first contact.
  return (await stat(path).catch(() => undefined))?.mtimeMs;
}

async function setTime(path: string, at: number): Promise<void> {
  try {
    await utimes(path, at / 1000, at / 1000);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await writeFile(path, '', { mode: 0o600 });
    await utimes(path, at / 1000, at / 1000);
  }
}
