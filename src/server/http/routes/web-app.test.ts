import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/helpers/test-server.ts';

let server: TestServer;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emerald-web-'));
  await mkdir(join(folder, 'web', 'assets'), { recursive: true });
  await writeFile(join(folder, 'web', 'index.html'), '<title>Emerald</title>');
  await writeFile(join(folder, 'web', 'assets', 'main-a1b2.js'), 'start()');
  await writeFile(join(folder, 'secret.txt'), 'secret');
  server = await startTestServer({ webFolder: join(folder, 'web') });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

test.each(['/', '/runs', '/runs/00000000-0000-4000-8000-000000000000?tab=console'])(
  '%s is the page, which nobody may keep or frame',
  async (path) => {
    const response = await fetch(server.url + path);
    expect(await response.text()).toContain('<title>Emerald</title>');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'no-cache',
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'") as string,
      'x-content-type-options': 'nosniff',
    });
  },
);

test.each(['/healthz', '/api/v1/agent/runs'])(
  'the answer of %s is kept by nobody, and taken for nothing else',
  async (path) => {
    const { headers } = await fetch(server.url + path);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  },
);

test('what is named by its content may be kept for good', async () => {
  const response = await fetch(`${server.url}/assets/main-a1b2.js`);
  expect(await response.text()).toBe('start()');
  expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
});

test.each(['/assets/gone.js', '/api/nothing', '/api/v2/agent/runs', '/%2e%2e/secret.txt'])(
  '%s is not found, as a problem',
  async (path) => {
    const response = await fetch(server.url + path);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  },
);

test.each(['/..%2fsecret.txt', '/assets/..%2f..%2fsecret.txt', '/%'])('%s leads nowhere', async (path) => {
  const response = await fetch(server.url + path);
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(await response.text()).not.toBe('secret');
});
