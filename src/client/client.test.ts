import { afterEach, beforeEach, expect, test } from 'vitest';
import { fakeRunId, startFakeApi, type FakeApi } from '../../test/helpers/fake-api.ts';
import { createClient, type ClientOptions } from './client.ts';

let api: FakeApi;

beforeEach(async () => {
  api = await startFakeApi();
});
afterEach(() => api[Symbol.asyncDispose]());

function clientOf(options: Partial<ClientOptions> = {}) {
  const retry = { retries: 2, firstDelay: 1, maxDelay: 2 };
  return createClient({ rootUrl: api.url, credential: { apiKey: 'wk-test' }, retry, ...options });
}

test('a request carries the key and the headers of the client', async () => {
  const run = await clientOf({ headers: { 'x-oz-api-source': 'CLI' } }).getRun(fakeRunId);
  expect(run).toMatchObject({ run_id: fakeRunId, title: 'Say hello' });
  expect(api.requests[0]?.headers).toMatchObject({ authorization: 'Bearer wk-test', 'x-oz-api-source': 'CLI' });
});

test('a refusal carries the code, the status and the words of the server', async () => {
  api.spoil = () => ({ refuse: 'conflict', detail: 'The execution is over.' });
  await expect(clientOf().getRun(fakeRunId)).rejects.toMatchObject({
    name: 'ApiError',
    code: 'conflict',
    status: 409,
    message: 'The execution is over.',
    retryable: false,
  });
  expect(api.requests).toHaveLength(1);
});

test('a run id is one part of the path, whatever it looks like', async () => {
  await expect(clientOf().getRun('../session')).rejects.toMatchObject({ code: 'resource_not_found' });
  expect(api.requests[0]?.path).toBe('/agent/runs/..%2Fsession');
});

test('an overloaded server is asked again after the time it asks for', async () => {
  const asked: number[] = [];
  api.spoil = () => {
    asked.push(Date.now());
    return asked.length === 1 ? { refuse: 'resource_unavailable', headers: { 'retry-after-ms': '200' } } : undefined;
  };
  await clientOf().getRun(fakeRunId);
  expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(190);
});

test('a server that says so is not asked again', async () => {
  api.spoil = () => ({ refuse: 'internal_error', headers: { 'x-should-retry': 'false' } });
  await expect(clientOf().getRun(fakeRunId)).rejects.toMatchObject({ code: 'internal_error' });
  expect(api.requests).toHaveLength(1);
});

test('retries end with the policy', async () => {
  api.spoil = () => ({ cut: 'before' });
  await expect(clientOf().getRun(fakeRunId)).rejects.toMatchObject({ name: 'NetworkError' });
  expect(api.requests).toHaveLength(3);
});

test('a creation that is tried again names the same idempotency key, another creation another', async () => {
  api.spoil = () => (api.requests.length === 1 ? { cut: 'after' } : undefined);
  await clientOf().createRun({ prompt: 'echo hello' });
  await clientOf().createRun({ prompt: 'echo hello' });
  const [first, again, other] = api.requests.map(({ headers }) => headers['idempotency-key']);
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

test('a server that is not there is named, with the reason', async () => {
  const client = clientOf({ rootUrl: 'http://127.0.0.1:1' });
  await expect(client.getRun(fakeRunId)).rejects.toThrow(
    /^The server at http:\/\/127\.0\.0\.1:1 cannot be reached: .+\.$/,
  );
});

test('an abort ends the waiting between two tries, with its reason', async () => {
  api.spoil = () => ({ refuse: 'resource_unavailable' });
  const controller = new AbortController();
  const client = clientOf({ retry: { retries: Infinity, firstDelay: 60_000, maxDelay: 60_000 } });
  const call = client.getRun(fakeRunId, { signal: controller.signal });
  await expect.poll(() => api.requests.length).toBe(1);
  controller.abort(new Error('enough'));
  await expect(call).rejects.toThrow('enough');
});

test('an answer that is not JSON is said to be none of an Emerald server', async () => {
  const fetch = () => Promise.resolve(new Response('<html>', { status: 200 }));
  await expect(clientOf({ fetch }).getRun(fakeRunId)).rejects.toThrow('is not JSON');
});
