import { expect, test } from 'vitest';
import { droppedLines, emptyTerminal, maxLines, write, type Terminal } from './terminal.ts';

const esc = '\u001b';

test('text of several chunks joins into lines', () => {
  const terminal = written('one\ntw', 'o\n\nfour');
  expect(texts(terminal)).toEqual(['one', 'two', '', 'four']);
});

test('colours and marks become class names, and end where the output ends them', () => {
  const terminal = written(`${esc}[1;31mred${esc}[0m plain ${esc}[92;44mbright${esc}[39m${esc}[49m none`);
  expect(terminal.lines[0]?.spans).toEqual([
    { text: 'red', className: 'bold fg-red' },
    { text: ' plain ', className: '' },
    { text: 'bright', className: 'fg-bright-green bg-blue' },
    { text: ' none', className: '' },
  ]);
});

test.each([
  ['16 of the 256 colours are shown', `${esc}[38;5;9mx`, 'fg-bright-red'],
  ['a true colour is left out, and its numbers are not taken for marks', `${esc}[38;2;1;4;9mx`, ''],
  ['an empty sequence resets', `${esc}[31m${esc}[mx`, ''],
  ['bold ends', `${esc}[1m${esc}[22mx`, ''],
])('%s', (_, output, className) => {
  expect(written(output).lines[0]?.spans).toEqual([{ text: 'x', className }]);
});

test('cursor movements, titles and bells leave no trace', () => {
  expect(
    texts(written(`a${esc}[2K${esc}[1;1Hb${esc}]0;title\u0007c${esc}]8;;http://x${esc}\\d\u0007${esc}(Be`)),
  ).toEqual(['abcde']);
});

test('an escape sequence cut at any place is the same as a whole one', () => {
  const output = `a${esc}[1;32mb${esc}]0;title${esc}\\c`;
  for (let cut = 0; cut <= output.length; cut++) {
    expect(written(output.slice(0, cut), output.slice(cut)).lines).toEqual(written(output).lines);
  }
});

test('a carriage return overwrites its line, also over two chunks', () => {
  expect(texts(written('10 %\r', '50 %\r100 %\ndone'))).toEqual(['100 %', 'done']);
});

test('CRLF ends a line and loses nothing, also when it is cut in two', () => {
  expect(texts(written('one\r', '\ntwo\r\n'))).toEqual(['one', 'two', '']);
});

test('each stream keeps its own style and is marked as what it is', () => {
  let terminal = write(emptyTerminal, `${esc}[31mout `, 'stdout');
  terminal = write(terminal, 'err ', 'stderr', 'stderr');
  terminal = write(terminal, 'out', 'stdout');
  expect(terminal.lines[0]?.spans.map((span) => span.className)).toEqual(['fg-red', 'stderr', 'fg-red']);
});

test('markup in output stays text', () => {
  expect(texts(written('<script>alert(1)</script>'))).toEqual(['<script>alert(1)</script>']);
});

test('only the last lines are kept, and they keep their numbers', () => {
  const terminal = written('x\n'.repeat(maxLines + 9), 'last');
  expect(terminal.lines).toHaveLength(maxLines);
  expect(droppedLines(terminal)).toBe(10);
  expect(texts(terminal).at(-1)).toBe('last');
});

test('an endless line is broken, without losing any of it', () => {
  const terminal = written('y'.repeat(10_001));
  expect(texts(terminal).map((text) => text.length)).toEqual([4000, 4000, 2001]);
});

test('lines that did not change stay the same objects, so that they are not drawn again', () => {
  const before = written('one\ntwo');
  const after = write(before, ' more\nthree');
  expect(after.lines[0]).toBe(before.lines[0]);
  expect(after.lines[1]).not.toBe(before.lines[1]);
});

function written(...chunks: string[]): Terminal {
  return chunks.reduce((terminal, chunk) => write(terminal, chunk), emptyTerminal);
}

function texts(terminal: Terminal): string[] {
  return terminal.lines.map(({ spans }) => spans.map(({ text }) => text).join(''));
}
