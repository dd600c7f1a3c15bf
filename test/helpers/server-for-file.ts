import { afterAll } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { startServer } from './programs.ts';

/** A server for all tests of the file that awaits this at its top, with a key and a client; it ends with the last of them. */
export async function serverForFile() {
  const server = await startServer();
  afterAll(() => server[Symbol.asyncDispose]());
  const apiKey = await server.createApiKey('test');
  return { server, apiKey, client: createClient({ rootUrl: server.url, credential: { apiKey } }) };
}
