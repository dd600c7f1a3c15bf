import { createLogger } from '../common/logger.ts';
import { CodedError } from '../protocol/errors.ts';
import { deriveKey, loadMasterKey } from './auth/master-key.ts';
import type { ServerConfig } from './config.ts';
import { readRunningServer } from './running-server.ts';
import { connectToStore } from './store/open-store.ts';
import { findMember } from './store/people.ts';

/** Prints a one-time link for a member of the team, the first admin unless told otherwise. */
export async function signInLink(config: ServerConfig, { email }: { email?: string }): Promise<void> {
  const log = createLogger({ name: 'oz-server', level: 'error' });
  const { db, pool, close } = await connectToStore(config, log);
  try {
    const member = await findMember(db, email);
    if (!member) throw new CodedError('resource_not_found', `Nobody here has the address ${email ?? 'of an admin'}.`);
    const { createPeople } = await import('./auth/people.ts');
    const secret = deriveKey(config.masterKey ?? (await loadMasterKey(config.dataDir)), 'sessions');
    const people = createPeople({ pool, secret, publicUrl: await publicUrlOf(config), log });
    process.stdout.write(`${await people.createSignInLink(member.user.email)}\n`);
  } finally {
    await close();
  }
}

async function publicUrlOf({ publicUrl, dataDir }: ServerConfig): Promise<string> {
  const url = publicUrl ?? (await readRunningServer(dataDir));
  if (url !== undefined) return url;
  throw new CodedError(
    'resource_unavailable',
    `No server runs on the data folder ${dataDir}. Name its address with --public-url.`,
  );
}
