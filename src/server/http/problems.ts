import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodedError, errorKinds, problemOf, type ErrorCode } from '../../protocol/errors.ts';
import type { App } from './fastify-app.ts';
import { toCodedError } from './coded-errors.ts';

/** Every refusal, whatever its cause, leaves as `application/problem+json` with a code of the registry. */
export function installProblems(app: App): void {
  app.setErrorHandler(sendRefusal);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0];
    sendProblem(reply, new CodedError('resource_not_found', `There is nothing at ${request.method} ${path}.`));
  });
}

/** Also what the framework calls where no route, and so no error handler, was found. */
export function sendRefusal(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const coded = toCodedError(error, request);
  // The framework would hang up on a client that is still writing, which then never reads why.
  if (coded.code === 'payload_too_large') reply.removeHeader('connection');
  if (errorKinds[coded.code].status >= 500) request.log.error({ err: error, trace_id: request.id }, coded.message);
  sendProblem(reply, coded);
}

function sendProblem(reply: FastifyReply, error: CodedError): void {
  const { id, url } = reply.request;
  const problem = { ...problemOf(error), instance: url.split('?')[0], trace_id: id };
  void reply
    .code(problem.status)
    .headers(retryHeaders(error.code))
    .serializer(JSON.stringify)
    .type('application/problem+json')
    .send(problem);
}

/** Official clients retry 409, 429 and 5xx unless told otherwise. Seconds. */
function retryHeaders(code: ErrorCode): Record<string, string> {
  if (code === 'conflict') return { 'x-should-retry': 'false' };
  return code === 'resource_unavailable' ? { 'retry-after': '1' } : {};
}
