import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRunCore, type RunCore } from '../../../test/helpers/run-core.ts';
import type { CreateRun } from '../../protocol/runs.ts';

let core: RunCore;
beforeAll(async () => {
  core = await createRunCore();
});
afterAll(() => core.close());

const create = (body: CreateRun, idempotencyKey?: string) =>
  core.runs.service.create(core.key, { body, source: 'API', idempotencyKey });

test('a request repeated with its idempotency key makes one run, also at the same time', async () => {
  const created = await Promise.all(Array.from({ length: 8 }, () => create({ prompt: 'once' }, 'key-1')));
  const ids = new Set(created.map(({ run_id }) => run_id));
  expect(ids.size).toBe(1);
  expect(await create({ prompt: 'once' }, 'key-1')).toEqual(created[0]);
});

test('the same idempotency key with another body is a conflict that names the first run', async () => {
  const { run_id } = await create({ prompt: 'one' }, 'key-2');
  await expect(create({ prompt: 'two' }, 'key-2')).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(run_id),
  });
});

test('an idempotency key is a team’s own', async () => {
  const { run_id } = await create({ prompt: 'mine' }, 'key-3');
  const foreign = { body: { prompt: 'theirs' }, source: 'API', idempotencyKey: 'key-3' } as const;
  expect((await core.runs.service.create(core.foreign, foreign)).run_id).not.toBe(run_id);
});

test('a run inherits the metadata of its parent, each key of its own apart', async () => {
  const parent = await create({ prompt: 'parent', metadata: { a: '1', b: '1' } });
  const { run_id } = await create({ prompt: 'child', parent_run_id: parent.run_id, metadata: { b: '2' } });
  const row = await core.database.db.selectFrom('runs').select('metadata').where('id', '=', run_id).executeTakeFirst();
  expect(row?.metadata).toEqual({ a: '1', b: '2' });
});

test('a parent of another team does not exist', async () => {
  const { run_id } = await core.runs.service.create(core.foreign, { body: { prompt: 'x' }, source: 'API' });
  await expect(create({ prompt: 'child', parent_run_id: run_id })).rejects.toMatchObject({ code: 'invalid_request' });
});

test.each([
  [{ prompt: 'x', conversation_id: 'abc' }, 'conversation_id'],
  [{ prompt: 'x', agent_identity_uid: 'abc' }, 'agent_identity_uid'],
  [{ prompt: 'x', mode: 'plan' as const }, 'mode `plan`'],
])('what this version cannot do is refused by name: %o', async (body, name) => {
  await expect(create(body)).rejects.toMatchObject({
    code: 'operation_not_supported',
    message: expect.stringContaining(name),
  });
});

test('a prompt that cannot be stored is refused', async () => {
  await expect(create({ prompt: 'a\0b' })).rejects.toMatchObject({ code: 'invalid_request' });
});

test.each(['', 'warp'])('the host %o means any worker', async (worker_host) => {
  const { run_id } = await create({ prompt: 'x', config: { worker_host } });
  const row = await core.database.db
    .selectFrom('runs')
    .select('worker_host')
    .where('id', '=', run_id)
    .executeTakeFirst();
  expect(row?.worker_host).toBeNull();
});
