import type { z } from 'zod';
import type {
  actionCategorySchema,
  Conversation,
  ConversationMessage,
  ConversationStep,
  Entry,
} from '../../protocol/transcript.ts';

type ContentBlock = ConversationMessage['content'][number];
type TextBlock = Extract<ContentBlock, { type: 'text' }>;
type ResultBlock = Extract<ContentBlock, { type: 'action_result' }>;
type ToolCall = Extract<Entry, { type: 'tool_call' }>;
type EntryOf<Type extends Entry['type']> = Extract<Entry, { type: Type }>;

/**
 * Folds a transcript into messages: a step for each prompt and what followed it, each delta put back into what it
 * extends, a tool's output and result joined in one block (`running` until its result is in).
 */
export function foldConversation(conversationId: string, entries: readonly Entry[]): Conversation {
  const fold: Fold = { steps: [], texts: new Map(), calls: new Map() };
  for (const entry of entries) addEntry(fold, entry);
  return { conversation_id: conversationId, steps: fold.steps };
}

interface Fold {
  steps: ConversationStep[];
  /** What a delta may still extend, by the index of its first entry. */
  texts: Map<number, TextBlock>;
  calls: Map<number, OpenCall>;
}

interface OpenCall {
  call: ToolCall;
  /** Made with the first output or the result, whichever comes first. */
  result?: ResultBlock;
}

function addEntry(fold: Fold, entry: Entry): void {
  const step = stepFor(fold, entry);
  step.completed_at = entry.at;
  switch (entry.type) {
    case 'user_message':
      return addText(fold, step, 'user', entry);
    case 'agent_message':
      return addText(fold, step, 'assistant', entry);
    case 'agent_reasoning':
      return addMessage(step, 'assistant', entry.at, {
        type: 'event',
        name: 'reasoning',
        data: { text: entry.text },
      });
    case 'tool_call':
      return addCall(fold, step, entry);
    case 'tool_result':
      return addResult(fold, step, entry);
    case 'delta':
      return addDelta(fold, step, entry);
    case 'event':
      return addMessage(step, 'system', entry.at, { type: 'event', name: entry.name, data: entry.data });
  }
}

/** A prompt opens a step; so does whatever comes first. */
function stepFor({ steps }: Fold, entry: Entry): ConversationStep {
  const current = steps.at(-1);
  if (current && entry.type !== 'user_message') return current;
  const step: ConversationStep = { id: `step-${steps.length + 1}`, started_at: entry.at, messages: [], steps: [] };
  if (entry.type === 'user_message') step.description = entry.text;
  steps.push(step);
  return step;
}

function addText(
  fold: Fold,
  step: ConversationStep,
  role: 'user' | 'assistant',
  { index, at, text }: EntryOf<'user_message' | 'agent_message'>,
): void {
  const block: TextBlock = { type: 'text', text };
  fold.texts.set(index, block);
  addMessage(step, role, at, block);
}

function addCall(fold: Fold, step: ConversationStep, call: ToolCall): void {
  fold.calls.set(call.index, { call });
  addMessage(step, 'assistant', call.at, {
    type: 'action',
    id: actionId(call.index),
    category: categoryOf(call.tool),
    name: call.tool,
    input: call.input,
  });
}

function addResult(fold: Fold, step: ConversationStep, { call, at, state, output }: EntryOf<'tool_result'>): void {
  const open = fold.calls.get(call);
  if (!open) return; // A result of nothing says nothing.
  const result = resultOf(open, step, at);
  result.state = state;
  Object.assign(result.output, output);
}

function addDelta(fold: Fold, step: ConversationStep, { extends: extended, at, stream, text }: EntryOf<'delta'>): void {
  const block = fold.texts.get(extended);
  if (block) block.text += text;
  const open = fold.calls.get(extended);
  if (!open) return;
  const { output } = resultOf(open, step, at);
  const field = stream ?? 'text';
  output[field] = `${(output[field] as string | undefined) ?? ''}${text}`;
}

function resultOf(open: OpenCall, step: ConversationStep, at: string): ResultBlock {
  if (open.result) return open.result;
  const { index, tool } = open.call;
  open.result = {
    type: 'action_result',
    action_id: actionId(index),
    category: categoryOf(tool),
    name: tool,
    state: 'running',
    output: {},
  };
  addMessage(step, 'tool', at, open.result);
  return open.result;
}

function addMessage(step: ConversationStep, role: ConversationMessage['role'], at: string, block: ContentBlock): void {
  step.messages.push({ role, timestamp: at, content: [block] });
}

function actionId(index: number): string {
  return `action-${index}`;
}

type ActionCategory = z.infer<typeof actionCategorySchema>;

/** By the verbs and nouns that tools are named with; a tool like nothing known belongs to an integration. */
const categories: readonly [RegExp, ActionCategory][] = [
  [/command|shell|bash|exec|terminal/, 'command'],
  [/search|grep|glob|find/, 'search'],
  [/file|edit|write|read|patch|notebook/, 'files'],
  [/document|plan/, 'documents'],
  [/computer|browser|screenshot/, 'computer'],
  [/review/, 'review'],
  [/skill/, 'skill'],
];

function categoryOf(tool: string): ActionCategory {
  const name = tool.toLowerCase();
  return categories.find(([words]) => words.test(name))?.[1] ?? 'integration';
}
