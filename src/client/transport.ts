import type { Clock } from '../common/clock.ts';
import { ApiError, apiErrorOf, NetworkError } from './api-error.ts';
import { withRetries, type RetryPolicy } from './retry.ts';

/** Milliseconds that one try of a plain request may take; event streams have a time limit of their own. */
const requestTimeout = 30_000;

/** How to reach the server, fixed for a client's life. */
export interface Transport {
  /** `<root>/api/v1`. */
  baseUrl: string;
  headers: Record<string, string>;
  credentials: 'same-origin' | 'omit';
  fetch: typeof fetch;
  retry: RetryPolicy;
  clock: Clock;
}

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT';
  /** Below `/api/v1`. */
  path: string;
  query?: Query | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

/** Sends a request, again where that may help, and answers its JSON as it came. */
export function requestJson(transport: Transport, request: ApiRequest): Promise<unknown> {
  return withRetries(() => tryJson(transport, request), {
    policy: transport.retry,
    clock: transport.clock,
    signal: request.signal,
  });
}

async function tryJson(transport: Transport, request: ApiRequest): Promise<unknown> {
  const timeout = AbortSignal.timeout(requestTimeout);
  const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
  const response = await send(transport, { ...request, signal });
  return readJson(response, request.signal);
}

/** Sends a request once. Throws `ApiError` for a refusal, `NetworkError` for no answer, the signal's reason when aborted. */
export async function send(transport: Transport, request: ApiRequest): Promise<Response> {
  const url = urlOf(transport, request);
  const response = await fetchOnce(transport, url, request);
  if (!response.ok) throw await apiErrorOf(response);
  return response;
}

async function fetchOnce(transport: Transport, url: string, request: ApiRequest): Promise<Response> {
  const hasBody = request.body !== undefined;
  try {
    return await transport.fetch(url, {
      method: request.method,
      headers: {
        accept: 'application/json',
        ...(hasBody && { 'content-type': 'application/json' }),
        ...transport.headers,
        ...request.headers,
      },
      credentials: transport.credentials,
      signal: request.signal ?? null,
      ...(hasBody && { body: JSON.stringify(request.body) }),
    });
  } catch (error) {
    throw networkErrorOf(url, error, request.signal);
  }
}

async function readJson(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof SyntaxError) throw notJson(response);
    throw networkErrorOf(response.url, error, signal);
  }
}

/** An abort is the caller's wish, unless it was our own timeout. */
export function networkErrorOf(url: string, error: unknown, signal: AbortSignal | null | undefined): unknown {
  const timedOut = error instanceof Error && error.name === 'TimeoutError';
  return signal?.aborted && !timedOut ? signal.reason : new NetworkError(url, error);
}

function notJson(response: Response): ApiError {
  return new ApiError({
    code: 'internal_error',
    message: `The answer from ${response.url} is not JSON: is this an Emerald server?`,
    status: response.status,
    retryable: false,
    retryAfter: undefined,
  });
}

function urlOf(transport: Transport, request: ApiRequest): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) query.append(name, String(one));
    }
  }
  const search = query.toString();
  return `${transport.baseUrl}${request.path}${search && `?${search}`}`;
}
