import { ApiError } from '../client/api-error.ts';
import { createClient } from '../client/client.ts';
import { readEnvFile, writeEnvFile, type ClientSettings } from './env-file.ts';

/**
 * The settings of quickstart.env, made true: on first boot with a new key, later with the same key and the address that
 * the server has now. A key that this server does not know (its database was replaced) is replaced too.
 */
export async function settleClientSettings(options: {
  path: string;
  url: string;
  createApiKey: () => Promise<string>;
}): Promise<ClientSettings> {
  const { path, url, createApiKey } = options;
  const known = await readEnvFile(path);
  const keeps = known !== undefined && (await isAccepted({ url, apiKey: known.apiKey }));
  const settings = { url, apiKey: keeps ? known.apiKey : await createApiKey() };
  if (!keeps || known.url !== url) await writeEnvFile(path, settings);
  return settings;
}

async function isAccepted({ url, apiKey }: ClientSettings): Promise<boolean> {
  try {
    await createClient({ rootUrl: url, credential: { apiKey } }).listRuns({ limit: 1 });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false;
    throw error;
  }
}
