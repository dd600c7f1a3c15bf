/**
 * Why something went wrong, in a few words. The error at the top often does not say: `fetch` has it in its cause, and a
 * connection that was tried at several addresses in its errors, with no message of its own.
 */
export function rootReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return rootReason(error.errors[0]);
  if (error.cause instanceof Error) return rootReason(error.cause);
  return error.name === 'TimeoutError' ? 'it did not answer in time' : error.message;
}
