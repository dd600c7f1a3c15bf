import { z } from 'zod';

/**
 * A run's transcript: entries numbered from 0 over all its executions, append-only. The agent numbers them, the server
 * takes what continues the numbering and says which index it expects next, so that a repeated or a resumed delivery
 * neither loses nor doubles one.
 *
 * Long text grows by `delta` entries: each names the entry that it extends. An index is the cursor of a reader.
 */

/** UTF-16 code units of text in one entry, at most; longer text is continued in deltas. */
export const maxEntryText = 65_536;
/** Entries in one delivery, at most. */
export const maxEntriesPerAppend = 500;

const text = z.string().max(maxEntryText);
const index = z.int32().min(0);
const numbered = {
  index,
  /** The turn of the execution that wrote it, from 1. */
  turn: z.int().min(1),
  at: z.iso.datetime({ offset: true }),
};
const freeForm = z.record(z.string(), z.unknown());

export const entrySchema = z.discriminatedUnion('type', [
  z.strictObject({ ...numbered, type: z.literal('user_message'), text }),
  z.strictObject({ ...numbered, type: z.literal('agent_message'), text }),
  z.strictObject({ ...numbered, type: z.literal('agent_reasoning'), text }),
  z.strictObject({ ...numbered, type: z.literal('tool_call'), tool: z.string().max(128), input: freeForm }),
  z.strictObject({
    ...numbered,
    type: z.literal('tool_result'),
    /** The index of the `tool_call` that it answers. */
    call: index,
    state: z.enum(['completed', 'failed', 'denied']),
    output: freeForm,
  }),
  z.strictObject({
    ...numbered,
    type: z.literal('delta'),
    /** The index of the message or tool call that it extends; a tool call's deltas are its output. */
    extends: index,
    stream: z.enum(['stdout', 'stderr']).optional(),
    text,
  }),
  z.strictObject({ ...numbered, type: z.literal('event'), name: z.string().max(128), data: freeForm }),
]);
export type Entry = z.infer<typeof entrySchema>;

/** The body of `POST /agent/runs/{id}/transcript`, in rising order of index. */
export const appendEntriesSchema = z.strictObject({ entries: z.array(entrySchema).min(1).max(maxEntriesPerAppend) });
/** Its answer: the index that the server expects next. Entries below it are stored for good. */
export const appendedEntriesSchema = z.object({ next_index: index });

export const transcriptSchema = z.object({ run_id: z.string(), entries: z.array(entrySchema) });
export type Transcript = z.infer<typeof transcriptSchema>;

/** A transcript folded into messages, as `GET /agent/runs/{id}/conversation` shows it. */
export const actionCategorySchema = z.enum([
  'command',
  'files',
  'search',
  'integration',
  'documents',
  'computer',
  'review',
  'skill',
]);

const contentBlockSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({
    type: z.literal('action'),
    id: z.string(),
    category: actionCategorySchema,
    name: z.string(),
    input: freeForm,
  }),
  z.object({
    type: z.literal('action_result'),
    action_id: z.string(),
    category: actionCategorySchema,
    name: z.string(),
    state: z.enum(['running', 'completed', 'failed', 'denied']),
    output: freeForm,
  }),
  z.object({ type: z.literal('event'), name: z.string(), data: freeForm }),
]);

const conversationMessageSchema = z.object({
  role: z.enum(['user', 'assistant', 'tool', 'system']),
  timestamp: z.string().optional(),
  content: z.array(contentBlockSchema),
});
export type ConversationMessage = z.infer<typeof conversationMessageSchema>;

export interface ConversationStep {
  id: string;
  description?: string | undefined;
  summary?: string | undefined;
  started_at?: string | undefined;
  completed_at?: string | undefined;
  messages: ConversationMessage[];
  steps: ConversationStep[];
}

const conversationStepSchema: z.ZodType<ConversationStep> = z.object({
  id: z.string(),
  description: z.string().optional(),
  summary: z.string().optional(),
  started_at: z.string().optional(),
  completed_at: z.string().optional(),
  messages: z.array(conversationMessageSchema),
  get steps() {
    return z.array(conversationStepSchema);
  },
});

export const conversationSchema = z.object({ conversation_id: z.string(), steps: z.array(conversationStepSchema) });
export type Conversation = z.infer<typeof conversationSchema>;
