import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import { CodedError } from '../../protocol/errors.ts';
import { assignmentSchema } from '../../protocol/worker-link.ts';
import { newEntry } from '../owned-task.ts';
import { openJournal } from './journal.ts';

test('a task that was claimed and no more is there for the next daemon', async () => {
  const { open } = await stateFolder();
  const journal = await open();
  const entry = newEntry(assignment, 0, 1, undefined);
  await journal.create(entry);
  await journal.close();
  const next = await open();
  expect(next.inherited.map((inherited) => inherited.get())).toEqual([entry]);
  await next.close();
});

test('what an earlier execution of a run could not remove is not taken for the next one’s', async () => {
  const { open } = await stateFolder();
  const journal = await open();
  const left = join(journal.tasksFolder, assignment.task_id, 'agent.1');
  await mkdir(left, { recursive: true });
  const entry = await journal.create(newEntry(assignment, 0, 1, undefined));
  expect((await readdir(entry.folder)).sort()).toEqual(['entry.json', 'reserve']);
  await entry.remove();
  await journal.close();
});

test.skipIf(process.getuid?.() !== 0)(
  'a disk that is as good as full takes the reserve of a task, another leaves it (needs root, for a small tmpfs)',
  async () => {
    const { stateDir, open } = await stateFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', stateDir]);
    onTestFinished(() => void execFileSync('umount', ['-l', stateDir]));
    const journal = await open();
    const entry = await journal.create(newEntry(assignment, 0, 1, undefined));
    await entry.makeRoom();
    expect(await readdir(entry.folder)).toContain('reserve');
    await writeFile(join(stateDir, 'filler'), Buffer.alloc(2 * 1024 * 1024)).catch(() => undefined);
    await entry.makeRoom();
    expect(await readdir(entry.folder)).not.toContain('reserve');
    await journal.close();
  },
);

// Reading a process's memory from its start is an error of input and output, for root as well.
test.runIf(existsSync('/proc/self/mem'))(
  'an entry that cannot be read just now is not given up (needs /proc)',
  async () => {
    const { open, tasksOf } = await stateFolder();
    const tasks = await tasksOf(randomUUID());
    await mkdir(join(tasks, assignment.task_id));
    await symlink('/proc/self/mem', join(tasks, assignment.task_id, 'entry.json'));
    const error = await open().catch((reason: unknown) => reason);
    expect((error as Error).message).toContain(
      `The entry of a task in ${join(tasks, assignment.task_id)} cannot be read: `,
    );
    // Nothing is set wrongly: the service manager is to try again.
    expect(error).not.toBeInstanceOf(CodedError);
    expect(await readdir(tasks)).toEqual([assignment.task_id]);
  },
);

test('what is no entry is set aside, and what has none is removed', async () => {
  const { open, tasksOf } = await stateFolder();
  const tasks = await tasksOf(randomUUID());
  await mkdir(join(tasks, 'empty'));
  await mkdir(join(tasks, 'folder/entry.json'), { recursive: true });
  await writeFile(join(tasks, 'file'), '');
  const journal = await open();
  expect(journal.inherited).toEqual([]);
  expect(await readdir(tasks)).toEqual([]);
  const aside = (await readdir(join(tasks, '../set-aside'))).join(' ');
  expect(aside).toMatch(/^file\.\d+ folder\.\d+$/);
  await journal.close();
});

const id = randomUUID();
const task = { id, title: '', task_definition: { prompt: '' }, created_at: '', updated_at: '' };
const assignment = assignmentSchema.parse({ task_id: id, execution_id: randomUUID(), task });

async function stateFolder() {
  const stateDir = await mkdtemp(join(tmpdir(), 'journal-test-'));
  onTestFinished(() => rm(stateDir, { recursive: true }));
  const log = pino({ level: 'silent' });
  return {
    stateDir,
    open: () => openJournal({ stateDir, workerId: 'w', clock: systemClock, log }),
    tasksOf: async (instance: string) => {
      const tasks = join(stateDir, 'w', instance, 'tasks');
      await mkdir(tasks, { recursive: true });
      return tasks;
    },
  };
}
