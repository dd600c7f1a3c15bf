import { ZodError, prettifyError } from 'zod';
import { ApiError, NetworkError } from '../client/api-error.ts';

/** What a user reads when a command has failed. */
export function wordsOf(error: unknown, debug: boolean): string {
  const details = debug && error instanceof Error ? `${error.stack ?? ''}\n${causesOf(error)}` : '';
  return `Error: ${sentenceOf(error)}\n${details}`;
}

function sentenceOf(error: unknown): string {
  if (error instanceof ApiError && error.status === 401) {
    return "Your API key is invalid. Please provide a valid key via '--api-key' or the WARP_API_KEY environment variable.";
  }
  if (error instanceof NetworkError) {
    return `${error.message} Is it running? WARP_SERVER_ROOT_URL or --server-root-url says where it is.`;
  }
  if (error instanceof ZodError)
    return `The server's answer is not what this version expects:\n${prettifyError(error)}`;
  return error instanceof Error ? error.message : String(error);
}

function causesOf(error: Error): string {
  return error.cause instanceof Error ? `=> ${error.cause.stack ?? ''}\n${causesOf(error.cause)}` : '';
}
