import { expect, test } from 'vitest';
import type { Entry } from '../../protocol/transcript.ts';
import { addEntries, repeatsPrompt, resultDetails, toolEnd, type ToolItem, type TranscriptItem } from './transcript.ts';

const at = '2026-03-01T12:00:00Z';
const numbered = (index: number) => ({ index, turn: 1, at });
const entries: Entry[] = [
  { ...numbered(0), type: 'user_message', text: 'Say hello' },
  { ...numbered(1), type: 'tool_call', tool: 'run_command', input: { command: 'echo hello' } },
  { ...numbered(2), type: 'delta', extends: 1, stream: 'stdout', text: 'hel' },
  { ...numbered(3), type: 'agent_message', text: 'It is ' },
  { ...numbered(4), type: 'delta', extends: 1, stream: 'stderr', text: 'oops' },
  { ...numbered(5), type: 'delta', extends: 3, text: 'done.' },
  { ...numbered(6), type: 'tool_result', call: 1, state: 'failed', output: { exit_code: 3 } },
  { ...numbered(7), type: 'event', name: 'output_truncated', data: {} },
];

test('deltas and results join the entries that they name', () => {
  const items = addEntries([], entries);
  expect(items.map(({ kind, index }) => [kind, index])).toEqual([
    ['message', 0],
    ['tool', 1],
    ['message', 3],
    ['event', 7],
  ]);
  expect(items[2]).toMatchObject({ author: 'agent', text: 'It is done.' });
  expect(tool(items).output.lines[0]?.spans).toEqual([
    { text: 'hel', className: '' },
    { text: 'oops', className: 'stderr' },
  ]);
  expect(tool(items).result?.output).toEqual({ exit_code: 3 });
});

test('entries that come one by one make the same as all at once', () => {
  const oneByOne = entries.reduce<TranscriptItem[]>((items, entry) => addEntries(items, [entry]), []);
  expect(oneByOne).toEqual(addEntries([], entries));
});

test('a delta of an entry that is not there is left out', () => {
  expect(addEntries([], [{ ...numbered(9), type: 'delta', extends: 4, text: 'lost' }])).toEqual([]);
});

test.each([
  ['completed', { exit_code: 0 }, 'Exit code 0', false],
  ['failed', { exit_code: 3 }, 'Exit code 3', true],
  ['failed', { signal: 'SIGTERM' }, 'Killed by SIGTERM', true],
  ['denied', {}, 'Denied', true],
] as const)('a result %s with %j ends with "%s"', (state, output, words, failed) => {
  expect(toolEnd({ ...numbered(1), type: 'tool_result', call: 0, state, output })).toEqual({ words, failed });
});

test('what a result says besides its exit code is kept for display', () => {
  const result = { ...numbered(1), type: 'tool_result', call: 0, state: 'completed' } as const;
  expect(resultDetails({ ...result, output: { exit_code: 0, files: 2 } })).toEqual({ files: 2 });
});

test.each([
  ['ls -la', true],
  ['ls…', true],
  ['ls', false],
  ['rm…', false],
  [7, false],
])('an input of %j repeats the prompt "ls -la": %s', (input, repeats) => {
  expect(repeatsPrompt(input, 'ls -la')).toBe(repeats);
});

function tool(items: readonly TranscriptItem[]): ToolItem {
  const item = items.find(({ kind }) => kind === 'tool');
  if (item?.kind !== 'tool') throw new Error('There is no tool call.');
  return item;
}
