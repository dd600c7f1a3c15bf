import type { RawData } from 'ws';
import { z } from 'zod';
import { workerMessageSchema, type WorkerMessage } from '../../protocol/worker-link.ts';

/** What came over a worker's connection: a message, or why it is none. */
export type Parsed =
  | { message: WorkerMessage }
  | { unknownType: string; message_id?: number | undefined }
  | { reason: string; type: string | undefined; message_id?: number | undefined };

const frameSchema = z.looseObject({
  type: z.string(),
  message_id: z.int().positive().optional().catch(undefined),
});
const knownTypes: ReadonlySet<string> = new Set(workerMessageSchema.options.map((option) => option.shape.type.value));

export function parseMessage(data: RawData): Parsed {
  const json = parseJson(data);
  const { type, message_id } = frameSchema.safeParse(json).data ?? {};
  if (type !== undefined && !knownTypes.has(type)) return { unknownType: type, message_id };
  const parsed = workerMessageSchema.safeParse(json);
  if (parsed.success) return { message: parsed.data };
  return { reason: z.prettifyError(parsed.error), type, message_id };
}

function parseJson(data: RawData): unknown {
  try {
    return JSON.parse(textOf(data));
  } catch {
    // Not JSON: the schema refuses it, with the reason that is logged.
    return undefined;
  }
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return (data instanceof ArrayBuffer ? Buffer.from(data) : data).toString();
}
