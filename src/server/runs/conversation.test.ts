import { expect, test } from 'vitest';
import { conversationSchema, type Entry } from '../../protocol/transcript.ts';
import { foldConversation } from './conversation.ts';

type WithoutNumbers<T> = T extends Entry ? Omit<T, 'index' | 'turn' | 'at'> : never;

const fold = (...entries: WithoutNumbers<Entry>[]) => {
  const numbered = entries.map((entry, index) => ({ ...entry, index, turn: 1, at: `2026-01-01T00:00:0${index}Z` }));
  const conversation = foldConversation('c1', numbered);
  return conversationSchema.parse(conversation).steps;
};

test('an empty transcript has no steps', () => {
  expect(fold()).toEqual([]);
});

test('each prompt opens a step with the prompt as its description', () => {
  const steps = fold(
    { type: 'user_message', text: 'Build it.' },
    { type: 'agent_message', text: 'Built.' },
    { type: 'user_message', text: 'Test it.' },
  );
  expect(steps).toMatchObject([
    { description: 'Build it.', started_at: '2026-01-01T00:00:00Z', completed_at: '2026-01-01T00:00:01Z' },
    { description: 'Test it.' },
  ]);
  expect(steps[0]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
});

test('deltas are put back into the message that they extend', () => {
  const [step] = fold(
    { type: 'agent_message', text: 'One' },
    { type: 'agent_message', text: 'Two' },
    { type: 'delta', extends: 0, text: ' and a half' },
  );
  expect(step?.messages.flatMap(({ content }) => content)).toEqual([
    { type: 'text', text: 'One and a half' },
    { type: 'text', text: 'Two' },
  ]);
});

test("a tool's output and result are one block of its call", () => {
  const [step] = fold(
    { type: 'tool_call', tool: 'run_command', input: { command: 'ls' } },
    { type: 'delta', extends: 0, stream: 'stdout', text: 'a\n' },
    { type: 'delta', extends: 0, stream: 'stderr', text: 'oh' },
    { type: 'delta', extends: 0, stream: 'stdout', text: 'b\n' },
    { type: 'tool_result', call: 0, state: 'failed', output: { exit_code: 1 } },
  );
  const common = { category: 'command', name: 'run_command' };
  expect(step?.messages.map(({ role, content }) => ({ role, content }))).toEqual([
    { role: 'assistant', content: [{ type: 'action', id: 'action-0', input: { command: 'ls' }, ...common }] },
    {
      role: 'tool',
      content: [
        {
          type: 'action_result',
          action_id: 'action-0',
          state: 'failed',
          output: { stdout: 'a\nb\n', stderr: 'oh', exit_code: 1 },
          ...common,
        },
      ],
    },
  ]);
});

test('a tool that has written but not ended is shown as running', () => {
  const [step] = fold(
    { type: 'tool_call', tool: 'search_codebase', input: {} },
    { type: 'delta', extends: 0, text: '3 matches' },
  );
  expect(step?.messages[1]?.content[0]).toMatchObject({
    category: 'search',
    state: 'running',
    output: { text: '3 matches' },
  });
});

test('a result or a delta of nothing is left out', () => {
  expect(
    fold({ type: 'tool_result', call: 7, state: 'completed', output: {} }, { type: 'delta', extends: 9, text: 'x' })[0]
      ?.messages,
  ).toEqual([]);
});
