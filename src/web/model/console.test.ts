import { expect, test } from 'vitest';
import type { ConsoleStream } from '../../protocol/streams.ts';
import { addChunk, type ConsoleSection } from './console.ts';

test('each stream has a section of its own, in the order in which they first spoke', () => {
  const sections = added(['setup', 0, 'a'], ['agent', 0, 'b'], ['setup', 1, 'c']);
  expect(sections.map(({ stream }) => stream)).toEqual(['setup', 'agent']);
  expect(sections.map(textOf)).toEqual(['ac', 'b']);
});

test('a character cut in two by chunks arrives whole', () => {
  const bytes = Buffer.from('a€🙂ü');
  for (let cut = 0; cut <= bytes.length; cut++) {
    const sections = added(['agent', 0, bytes.subarray(0, cut)], ['agent', cut, bytes.subarray(cut)]);
    expect(sections.map(textOf).join('')).toBe('a€🙂ü');
  }
});

test('bytes that are no UTF-8 are shown as such and hold nothing back', () => {
  expect(added(['agent', 0, Buffer.from([0xff, 0x80, 0x80, 0x41])]).map(textOf)).toEqual(['\ufffd\ufffd\ufffdA']);
});

test('output that begins anew is another execution', () => {
  const sections = added(['setup', 0, 'first'], ['setup', 0, 'second'], ['setup', 6, '!']);
  expect(sections.map(({ execution }) => execution)).toEqual([1, 2]);
  expect(sections.map(textOf)).toEqual(['first', 'second!']);
});

function added(...chunks: [ConsoleStream, number, string | Buffer][]): readonly ConsoleSection[] {
  return chunks.reduce<readonly ConsoleSection[]>(
    (sections, [stream, offset, data]) =>
      addChunk(sections, { stream, offset, data: Buffer.from(data).toString('base64') }),
    [],
  );
}

function textOf({ output }: ConsoleSection): string {
  return output.lines.flatMap(({ spans }) => spans.map(({ text }) => text)).join('');
}
