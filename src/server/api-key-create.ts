import { createLogger } from '../common/logger.ts';
import { CodedError } from '../protocol/errors.ts';
import { createApiKey } from './auth/api-keys.ts';
import type { ServerConfig } from './config.ts';
import { connectToStore } from './store/open-store.ts';
import { findMember } from './store/people.ts';

/** Makes a key for the first admin's team and prints it: alone as text, with its id and name as JSON. */
export async function createApiKeyCommand(
  config: ServerConfig,
  { name, outputFormat }: { name: string; outputFormat: 'json' | 'text' },
): Promise<void> {
  const { db, close } = await connectToStore(config, createLogger({ name: 'oz-server', level: 'error' }));
  try {
    const admin = await findMember(db, undefined);
    if (!admin) throw new CodedError('resource_unavailable', 'The server has not finished its first start yet.');
    const { key, ...created } = await createApiKey(db, { teamId: admin.team.id, name });
    const answer = outputFormat === 'json' ? JSON.stringify({ ...created, raw_api_key: key }) : key;
    process.stdout.write(`${answer}\n`);
  } finally {
    await close();
  }
}
