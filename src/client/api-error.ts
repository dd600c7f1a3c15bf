import { rootReason } from '../common/root-reason.ts';
import { CodedError, codeOfProblem, problemSchema, type ErrorCode } from '../protocol/errors.ts';

/** A request that the server refused; `message` is the server's own sentence where it gave one. */
export class ApiError extends CodedError {
  readonly status: number;
  /** Whether the same request may succeed later without anything being changed. */
  readonly retryable: boolean;
  /** How long the server asked to wait before the next try, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(refusal: Refusal) {
    super(refusal.code, refusal.message);
    this.name = 'ApiError';
    this.status = refusal.status;
    this.retryable = refusal.retryable;
    this.retryAfter = refusal.retryAfter;
  }
}

/** A server that could not be reached, or a connection that was cut: always worth another try. */
export class NetworkError extends CodedError {
  constructor(url: string, cause: unknown) {
    super('resource_unavailable', `The server${placeOf(url)} cannot be reached: ${rootReason(cause)}.`, { cause });
    this.name = 'NetworkError';
  }
}

interface Refusal {
  code: ErrorCode;
  message: string;
  status: number;
  retryable: boolean;
  retryAfter: number | undefined;
}

/** Reads a refusal's problem+json; a proxy's answer has none, and is judged by its status alone. */
export async function apiErrorOf(response: Response): Promise<ApiError> {
  const problem = problemSchema.safeParse(await jsonOrNothing(response));
  return new ApiError({
    code: problem.success ? codeOfProblem(problem.data) : codeOfStatus(response.status),
    message: problem.success
      ? (problem.data.detail ?? problem.data.title)
      : `The server answered with HTTP status ${response.status}.`,
    status: response.status,
    retryable: isRetryable(response),
    retryAfter: retryAfterOf(response.headers),
  });
}

function isRetryable(response: Response): boolean {
  const asked = response.headers.get('x-should-retry');
  if (asked === 'true' || asked === 'false') return asked === 'true';
  return response.status === 408 || response.status === 429 || response.status >= 500;
}

function retryAfterOf(headers: Headers): number | undefined {
  const milliseconds = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (milliseconds >= 0) return milliseconds;
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function codeOfStatus(status: number): ErrorCode {
  const codes: Record<number, ErrorCode> = {
    400: 'invalid_request',
    401: 'authentication_required',
    403: 'not_authorized',
    404: 'resource_not_found',
    409: 'conflict',
    413: 'payload_too_large',
    429: 'resource_unavailable',
    503: 'resource_unavailable',
  };
  return codes[status] ?? (status < 500 ? 'invalid_request' : 'internal_error');
}

/** A page's own server is reached by a path alone. */
function placeOf(url: string): string {
  return URL.canParse(url) ? ` at ${new URL(url).origin}` : '';
}

async function jsonOrNothing(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    // Not JSON, or cut off: the status says enough.
    return undefined;
  }
}
