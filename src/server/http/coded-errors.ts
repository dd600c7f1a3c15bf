import type { FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors, type ZodFastifySchemaValidationError } from 'fastify-type-provider-zod';
import { CodedError } from '../../protocol/errors.ts';
import { isDatabaseDown, isDatabaseShort } from '../store/database-down.ts';

/** Puts whatever a route or the framework threw into the registry's terms. What nobody foresaw stays inside. */
export function toCodedError(error: unknown, request: FastifyRequest): CodedError {
  if (error instanceof CodedError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return invalidInput(error, request);
  if (isDatabaseDown(error)) {
    return new CodedError('resource_unavailable', 'The database does not answer; try again in a moment.', {
      cause: error,
    });
  }
  if (isDatabaseShort(error)) {
    return new CodedError(
      'resource_unavailable',
      'The database is out of disk space or memory; the server’s log says of which. Try again when it has room.',
      { cause: error },
    );
  }
  return ofFramework(error as FrameworkError) ?? unforeseen(error);
}

interface FrameworkError {
  code?: string;
  statusCode?: number;
  message?: string;
}

function ofFramework({ code, statusCode = 500, message }: FrameworkError): CodedError | undefined {
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new CodedError('payload_too_large', "The request's body is larger than 10 MiB.");
  }
  if (code === 'FST_ERR_CTP_INVALID_JSON_BODY' || code === 'FST_ERR_CTP_EMPTY_JSON_BODY') {
    return new CodedError('invalid_request', "The request's body is not JSON.");
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new CodedError('invalid_request', 'Send the body as JSON, with "Content-Type: application/json".');
  }
  if (code === 'FST_ERR_BAD_URL') {
    return new CodedError('invalid_request', 'The path is not properly percent-encoded.');
  }
  const isClientsFault = statusCode >= 400 && statusCode < 500;
  return isClientsFault ? new CodedError('invalid_request', message ?? 'The request is malformed.') : undefined;
}

function unforeseen(cause: unknown): CodedError {
  return new CodedError('internal_error', 'Something went wrong inside the server; its log says what.', { cause });
}

function invalidInput(
  error: { validation: ZodFastifySchemaValidationError[]; validationContext?: string | undefined },
  request: FastifyRequest,
): CodedError {
  const [issue] = error.validation;
  const field = fieldName(issue?.instancePath ?? '/');
  if (error.validationContext === 'params') return malformedId(field, request);
  if (field === '') return new CodedError('invalid_request', `${placeOf(error)} ${inWords(issue?.message ?? '')}.`);
  return new CodedError('invalid_request', `${placeOf(error)} field \`${field}\` ${inWords(issue?.message ?? '')}.`);
}

function malformedId(field: string, { params }: FastifyRequest): CodedError {
  const value = (params as Record<string, string>)[field];
  const expected = field === 'runId' ? "a run's id, which is a UUID in lower case" : `a valid ${field}`;
  return new CodedError('invalid_request', `"${value}" is not ${expected}.`);
}

function placeOf({ validationContext }: { validationContext?: string | undefined }): string {
  return validationContext === 'querystring' ? 'Query' : 'Body';
}

function fieldName(instancePath: string): string {
  return instancePath.split('/').filter(Boolean).join('.');
}

/** Our own messages start with a verb ("must be…"), the schema library's with "Invalid input". */
function inWords(message: string): string {
  return /^[a-z]/.test(message) ? message : `is not valid: ${message[0]?.toLowerCase()}${message.slice(1)}`;
}
