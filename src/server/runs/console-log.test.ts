import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import { createLogger } from '../../common/logger.ts';
import type { Assignment } from '../../protocol/worker-link.ts';
import { ConsoleLog } from './console-log.ts';
import type { RunContext } from './context.ts';

let core: RunCore;
beforeEach(async () => {
  core = await createRunCore();
});
afterEach(() => core.close());

async function offered() {
  const worker = await core.worker({ hello: {} });
  await core.create();
  return { worker, assignment: await worker.assigned() };
}

function chunk({ task_id, execution_id }: Assignment, offset: number, text: string) {
  if (execution_id === undefined) throw new Error('The assignment names no execution.');
  return { task_id, execution_id, stream: 'agent' as const, offset, data: Buffer.from(text).toString('base64') };
}

async function stored(): Promise<string> {
  const rows = await core.database.db.selectFrom('console_chunks').select('data').orderBy('byte_offset').execute();
  return Buffer.concat(rows.map(({ data }) => data)).toString();
}

test('console is stored where it continues, and acknowledged with what is stored', async () => {
  const { worker, assignment } = await offered();
  worker.send('console', chunk(assignment, 0, 'hello '));
  expect(await worker.next('console_ack')).toMatchObject({ stream: 'agent', offset: 6 });
  worker.send('console', chunk(assignment, 0, 'hello '));
  expect(await worker.next('console_ack')).toMatchObject({ offset: 6 });
  worker.send('console', chunk(assignment, 10, 'gap'));
  expect(await worker.next('console_ack')).toMatchObject({ offset: 6 });
  worker.send('console', chunk(assignment, 6, 'world'));
  expect(await worker.next('console_ack')).toMatchObject({ offset: 11 });
  expect(await stored()).toBe('hello world');
});

test('a new connection goes on where the old one stopped', async () => {
  const { worker, assignment } = await offered();
  worker.send('console', chunk(assignment, 0, 'hello '));
  await worker.next('console_ack');
  await worker.close();
  const back = await core.worker({ hello: {} });
  back.send('console', chunk(assignment, 3, 'lo '));
  expect(await back.next('console_ack')).toMatchObject({ offset: 6 });
  back.send('console', chunk(assignment, 6, 'again'));
  expect(await back.next('console_ack')).toMatchObject({ offset: 11 });
  expect(await stored()).toBe('hello again');
});

test('console of another worker’s execution is not taken', async () => {
  const { assignment } = await offered();
  const log = new ConsoleLog(contextOf(), { ...core.key, workerId: 'stranger' });
  expect(await log.append([chunk(assignment, 0, 'evil')])).toEqual([]);
  expect(await stored()).toBe('');
});

test('beyond the limit console is acknowledged and dropped, with a note', async () => {
  const { assignment } = await offered();
  const identity = { ...core.key, workerId: 'local' };
  const log = new ConsoleLog(contextOf(), identity, 8);
  expect(await log.append([chunk(assignment, 0, '12345678')])).toMatchObject([{ data: { offset: 8 } }]);
  expect(await log.append([chunk(assignment, 8, 'more')])).toMatchObject([{ data: { offset: 12 } }]);
  const afterReconnect = new ConsoleLog(contextOf(), identity, 8);
  expect(await afterReconnect.append([chunk(assignment, 12, 'again')])).toMatchObject([{ data: { offset: 17 } }]);
  expect(await stored()).toMatch(/^12345678\n\[The output went on/);
});

test('console that could not be stored is stored by the next try, and not acknowledged before', async () => {
  const { assignment } = await offered();
  const log = new ConsoleLog(contextOf(), { ...core.key, workerId: 'local' });
  await log.append([chunk(assignment, 0, 'hello ')]);
  await sql`alter table console_chunks rename to console_chunks_away`.execute(core.database.db);
  await expect(log.append([chunk(assignment, 6, 'world')])).rejects.toThrow(/console_chunks/);
  await sql`alter table console_chunks_away rename to console_chunks`.execute(core.database.db);
  expect(await log.append([chunk(assignment, 6, 'world')])).toMatchObject([{ data: { offset: 11 } }]);
  expect(await stored()).toBe('hello world');
});

test('of two connections that continue a stream at once one wins, and the other goes on from there', async () => {
  const { assignment } = await offered();
  const [old, young] = [1, 2].map(() => new ConsoleLog(contextOf(), { ...core.key, workerId: 'local' }));
  await old?.append([chunk(assignment, 0, 'hello ')]);
  await young?.append([chunk(assignment, 0, 'hello ')]);
  await old?.append([chunk(assignment, 6, 'wor')]);
  const world = [chunk(assignment, 6, 'world'), chunk(assignment, 11, '!')];
  await expect(young?.append(world)).rejects.toThrow('unique');
  expect(await young?.append(world)).toMatchObject([{ data: { offset: 9 } }]);
  expect(await young?.append([chunk(assignment, 9, 'ld!')])).toMatchObject([{ data: { offset: 12 } }]);
  expect(await stored()).toBe('hello world!');
});

/** As much of it as the console needs. */
function contextOf(): RunContext {
  const log = createLogger({ name: 'test', level: 'error' });
  const announce = () => {};
  return { db: core.database.db, clock: core.clock, log, changes: { announce } } as unknown as RunContext;
}
