import { sql, type Kysely } from 'kysely';
import type { RunId } from '../../protocol/ids.ts';
import type { AgentConfig, RunSource } from '../../protocol/runs.ts';
import { toJson } from './json.ts';
import type { Schema } from './schema.ts';

export interface NewRun {
  id: RunId;
  team_id: string;
  title: string;
  prompt: string;
  config: AgentConfig;
  max_attempts: number | null;
  worker_host: string | null;
  source: RunSource;
  creator_type: 'user' | 'service_account';
  creator_uid: string;
  conversation_id: string;
  parent_run_id: RunId | null;
  metadata: Record<string, string>;
  idempotency: { key: string; hash: Buffer } | null;
  now: Date;
}

/**
 * Stores a new run, its first event and its idempotency key in one statement. False, and nothing stored, when the key
 * has been taken: a concurrent request that takes it first is waited for.
 */
export async function insertRun(db: Kysely<Schema>, run: NewRun): Promise<boolean> {
  const { rows } = await sql`
    with permitted as (${permission(run)}),
    inserted as (
      insert into runs (id, team_id, state, title, prompt, config, max_attempts, worker_host, source, creator_type, creator_uid,
        conversation_id, parent_run_id, metadata, created_at, updated_at, queued_at)
      select ${run.id}::uuid, ${run.team_id}::uuid, 'QUEUED', ${run.title}::text, ${run.prompt}::text,
        ${toJson(run.config)}::jsonb, ${run.max_attempts}::integer, ${run.worker_host}::text, ${run.source}::text, ${run.creator_type}::text,
        ${run.creator_uid}::text, ${run.conversation_id}::uuid, ${run.parent_run_id}::uuid,
        ${toJson(run.metadata)}::jsonb, ${run.now}::timestamptz, ${run.now}::timestamptz, ${run.now}::timestamptz
      from permitted
      returning id
    )
    insert into events (run_id, type, data, occurred_at)
    select id, 'run_queued', '{"state": "QUEUED", "status_message": null}', ${run.now}::timestamptz from inserted
    returning run_id`.execute(db);
  return rows.length === 1;
}

function permission({ idempotency, team_id, id, now }: NewRun) {
  if (idempotency === null) return sql`select 1`;
  return sql`insert into idempotency_keys (team_id, key, request_hash, run_id, created_at)
    values (${team_id}, ${idempotency.key}, ${idempotency.hash}, ${id}, ${now})
    on conflict do nothing returning 1`;
}
