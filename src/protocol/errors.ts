import { z } from 'zod';

/** Whose fault a bad end is: the user's, the task's or the configuration's ends a run FAILED, the platform's ERROR. */
export type Fault = 'user' | 'platform';

interface ErrorKind {
  /** The HTTP status of a request refused with this code. */
  readonly status: number;
  readonly title: string;
  readonly fault: Fault;
  /** Whether the same request, or a new run, may succeed later without anything being changed. */
  readonly retryable: boolean;
}

/**
 * The one registry of error codes, for problem+json and for a run's `status_message.error_code`. The first sixteen are
 * the published `PlatformErrorCode`; the ones after them are additive. docs/errors.md lists them; a test compares both.
 */
export const errorKinds = {
  insufficient_credits: kind(402, 'Insufficient credits', 'user'),
  feature_not_available: kind(403, 'Feature not available', 'user'),
  external_authentication_required: kind(403, 'External authentication required', 'user'),
  not_authorized: kind(403, 'Not authorized', 'user'),
  invalid_request: kind(400, 'Invalid request', 'user'),
  resource_not_found: kind(404, 'Resource not found', 'user'),
  budget_exceeded: kind(402, 'Budget exceeded', 'user'),
  integration_disabled: kind(403, 'Integration disabled', 'user'),
  integration_not_configured: kind(400, 'Integration not configured', 'user'),
  operation_not_supported: kind(422, 'Operation not supported', 'user'),
  environment_setup_failed: kind(422, 'Environment setup failed', 'user'),
  content_policy_violation: kind(422, 'Content policy violation', 'user'),
  conflict: kind(409, 'Conflict', 'user'),
  authentication_required: kind(401, 'Authentication required', 'platform'),
  resource_unavailable: kind(503, 'Resource unavailable', 'platform', true),
  internal_error: kind(500, 'Internal error', 'platform', true),
  payload_too_large: kind(413, 'Payload too large', 'user'),
  agent_failed: kind(422, 'Agent failed', 'user'),
  time_limit_exceeded: kind(422, 'Time limit exceeded', 'user'),
  resource_limit_exceeded: kind(422, 'Resource limit exceeded', 'user'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;
export const errorCodeSchema = z.enum(Object.keys(errorKinds) as [ErrorCode, ...ErrorCode[]]);

/** The body of every refused request, as `application/problem+json` (RFC 9457); `type` ends in the error code. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  error: z.string(),
  retryable: z.boolean().optional(),
  trace_id: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/** What a program throws when it refuses something; the edge turns it into problem+json or into words and an exit code. */
export class CodedError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CodedError';
    this.code = code;
  }
}

/** The body that tells of a refusal. */
export function problemOf({ code, message }: CodedError): Problem {
  const { status, title, retryable } = errorKinds[code];
  return { type: `/errors/${code}`, title, status, detail: message, error: `${title}: ${message}`, retryable };
}

export function codeOfProblem(problem: Problem): ErrorCode {
  const parsed = errorCodeSchema.safeParse(problem.type.split('/').at(-1));
  return parsed.success ? parsed.data : 'internal_error';
}

function kind(status: number, title: string, fault: Fault, retryable = false): ErrorKind {
  return { status, title, fault, retryable };
}
