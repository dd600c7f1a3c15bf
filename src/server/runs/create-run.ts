import { createHash, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { CodedError } from '../../protocol/errors.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { CreatedRun, CreateRun } from '../../protocol/runs.ts';
import type { RunState } from '../../protocol/states.ts';
import type { Principal } from '../auth/principal.ts';
import { insertRun, type NewRun } from '../store/insert-run.ts';
import { nowOf, type RunContext } from './context.ts';
import type { CreateRunRequest } from './run-service.ts';
import { titleOf } from './title.ts';

/** Stores a run as QUEUED; see RunService. */
export async function createRun(context: RunContext, by: Principal, request: CreateRunRequest): Promise<CreatedRun> {
  if (by.kind === 'agent') throw new CodedError('not_authorized', 'The token of a run’s agent cannot start runs yet.');
  refuseUnsupported(request.body);
  refuseUnstorable(request.body);
  const run = newRun(context, by, request, await inheritedFrom(context, by.teamId, request.body.parent_run_id));
  if (!(await insertRun(context.db, run))) return repeated(context, run);
  context.changes.announce(run.id);
  context.signals.queued({ teamId: run.team_id, host: run.worker_host ?? '' });
  return created(run.id, 'QUEUED');
}

type Creator = Exclude<Principal, { kind: 'agent' }>;
type Metadata = Record<string, string>;

function newRun(context: RunContext, by: Creator, request: CreateRunRequest, inherited: Metadata): NewRun {
  const { body, source, idempotencyKey } = request;
  const prompt = body.prompt ?? '';
  const config = { ...body.config, ...(body.skill && { skill_spec: body.skill }) };
  return {
    id: randomUUID() as RunId,
    team_id: by.teamId,
    title: body.title?.trim() || config.name?.trim() || titleOf(prompt || (config.skill_spec ?? '')),
    prompt,
    config,
    max_attempts: config.max_attempts ?? null,
    worker_host: hostOf(config.worker_host),
    source,
    creator_type: by.kind === 'user' ? 'user' : 'service_account',
    creator_uid: by.kind === 'user' ? by.userId : by.keyId,
    conversation_id: randomUUID(),
    parent_run_id: body.parent_run_id ?? null,
    metadata: { ...inherited, ...body.metadata },
    idempotency: idempotencyKey === undefined ? null : { key: idempotencyKey, hash: hashOf(body) },
    now: nowOf(context),
  };
}

/** `warp` and the empty host mean what no host means. */
function hostOf(asked: string | undefined): string | null {
  return asked === undefined || asked === '' || asked === 'warp' ? null : asked;
}

function hashOf(body: CreateRun): Buffer {
  return createHash('sha256').update(canonical(body)).digest();
}

/** JSON with sorted keys: the same request is the same text, however its client orders it. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

async function repeated(context: RunContext, run: NewRun): Promise<CreatedRun> {
  const { rows } = await sql<{ id: RunId; state: RunState; same: boolean }>`
    select r.id, r.state, k.request_hash = ${run.idempotency?.hash ?? null} as same
    from idempotency_keys k join runs r on r.id = k.run_id
    where k.team_id = ${run.team_id} and k.key = ${run.idempotency?.key ?? null}`.execute(context.db);
  const first = rows[0];
  if (first === undefined) throw new Error('An idempotency key was taken and is gone.');
  if (first.same) return created(first.id, first.state);
  throw new CodedError(
    'conflict',
    `The Idempotency-Key \`${run.idempotency?.key}\` was used for another request, which made run ${first.id}.`,
  );
}

function created(id: RunId, state: RunState): CreatedRun {
  return { run_id: id, task_id: id, state };
}

async function inheritedFrom(context: RunContext, teamId: string, parent: RunId | undefined): Promise<Metadata> {
  if (parent === undefined) return {};
  const row = await context.db
    .selectFrom('runs')
    .select('metadata')
    .where('id', '=', parent)
    .where('team_id', '=', teamId)
    .executeTakeFirst();
  if (row === undefined)
    throw new CodedError('invalid_request', `parent_run_id names run ${parent}, which does not exist.`);
  return row.metadata;
}

/** Asking for what does not exist yet is refused: a run that quietly does something else would be worse. */
function refuseUnsupported(body: CreateRun): void {
  const asked =
    (body.conversation_id && 'continuing a conversation (conversation_id)') ||
    (body.agent_identity_uid && 'running as a named agent (agent_identity_uid)') ||
    (body.mode && body.mode !== 'normal' && `mode \`${body.mode}\``);
  if (asked) throw new CodedError('operation_not_supported', `This version does not support ${asked}.`);
}

/** In UTF-16 code units. */
const longestConfig = 1_048_576;

function refuseUnstorable(body: CreateRun): void {
  const { prompt, title, skill, config } = body;
  // A title may be taken from the last two.
  const texts = { prompt, title, skill, 'config.name': config?.name, 'config.skill_spec': config?.skill_spec };
  for (const [field, text] of Object.entries(texts)) {
    if (text?.includes('\0')) {
      throw new CodedError('invalid_request', `${field} contains a NUL character, which cannot be stored.`);
    }
  }
  // Every list shows it again.
  if (JSON.stringify(config ?? {}).length > longestConfig) {
    throw new CodedError('invalid_request', `config is longer than ${longestConfig} characters of JSON.`);
  }
}
