import { randomUUID } from 'node:crypto';
import { insertApiKey } from '../store/api-keys.ts';
import type { Database } from '../store/database.ts';
import { hashToken, mintToken, tokenSuffix } from './tokens.ts';

export interface CreatedApiKey {
  id: string;
  name: string;
  /** Shown this once. */
  key: string;
}

export async function createApiKey(db: Database, { teamId, name }: { teamId: string; name: string }) {
  const key = mintToken('key');
  const created: CreatedApiKey = { id: randomUUID(), name, key };
  await insertApiKey(db, { id: created.id, teamId, name, hash: hashToken(key), suffix: tokenSuffix(key) });
  return created;
}
