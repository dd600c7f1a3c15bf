import type { Database } from './database.ts';

export interface NewApiKey {
  id: string;
  teamId: string;
  name: string;
  hash: Buffer;
  suffix: string;
}

export async function insertApiKey(db: Database, key: NewApiKey): Promise<void> {
  await db
    .insertInto('api_keys')
    .values({ id: key.id, team_id: key.teamId, name: key.name, key_hash: key.hash, key_suffix: key.suffix })
    .execute();
}

/** The key with this hash, unless it has expired. */
export async function findApiKey(db: Database, hash: Buffer, now: Date) {
  return await db
    .selectFrom('api_keys')
    .select(['id', 'team_id', 'expires_at'])
    .where('key_hash', '=', hash)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
    .executeTakeFirst();
}

export async function touchApiKey(db: Database, id: string, now: Date): Promise<void> {
  await db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', id).execute();
}
