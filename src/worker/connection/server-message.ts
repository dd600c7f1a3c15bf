import type { Logger } from '../../common/logger.ts';
import { serverMessageSchema, type ServerMessage } from '../../protocol/worker-link.ts';

const knownTypes: readonly unknown[] = serverMessageSchema.options.map((option) => option.shape.type.value);

/** Undefined, and a line in the log, for what is no message of the protocol. What stands in it is never logged. */
export function readServerMessage(text: string, log: Logger): ServerMessage | undefined {
  const value = parseJson(text);
  const type = (value as { type?: unknown } | null | undefined)?.type;
  if (!knownTypes.includes(type)) {
    log.debug('The server sent a message of an unknown type');
    return undefined;
  }
  const parsed = serverMessageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  log.error({ type, at: issue?.path.join('.'), problem: issue?.code }, 'The server sent a malformed message');
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told apart by its type, which it does not have.
    return undefined;
  }
}
