import { expect, test } from 'vitest';
import { parseEnvironmentFile } from './environment-file.ts';

const table: [string, Record<string, string>][] = [
  ['', {}],
  ['# only a comment\n\n', {}],
  ['A=1\nB=two words \nC=', { A: '1', B: 'two words', C: '' }],
  ['export A=1\n  export\tB = 2\n', { A: '1', B: '2' }],
  ['A=1 # comment\nB=1#2\nC=#x', { A: '1', B: '1#2', C: '' }],
  [`A='$HOME \\n "x"'`, { A: '$HOME \\n "x"' }],
  ['A="say \\"hi\\"\\n\\tthere" # c', { A: 'say "hi"\n\tthere' }],
  ['A="one\ntwo"\nB=3', { A: 'one\ntwo', B: '3' }],
  ["A='one\ntwo'\nB=3", { A: 'one\ntwo', B: '3' }],
  ['A=1\nB=$A-${A}/$C\nD="${B}!"\nE=\\$A\nF="\\$A"', { A: '1', B: '1-1/', D: '1-1/!', E: '$A', F: '$A' }],
  ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['A=1\nA=2', { A: '2' }],
  ['A=$constructor', { A: '' }],
  ['URL=https://x.y/?a=b&c=d', { URL: 'https://x.y/?a=b&c=d' }],
  ['JSON=\'{"a": 1}\'', { JSON: '{"a": 1}' }],
];

test.each(table)('%j is read', (text, expected) => {
  expect(parseEnvironmentFile(text)).toEqual(expected);
});

test('what is read does not expand variables of this process', () => {
  expect(parseEnvironmentFile('A=$PATH')).toEqual({ A: '' });
});

test.each([
  ['A=1\nthis is not a line', 'line 2 of the environment file is not NAME=value'],
  ['A=1\n\n# x\nB="open\n', 'line 4 of the environment file opens a " that is never closed'],
  ['A="x" y', 'line 1 of the environment file goes on after its closing quote'],
  ['A=sec\0ret', 'line 1 of the environment file holds a NUL character'],
  ['1A=2', 'line 1 of the environment file is not NAME=value'],
])('%j is refused with its line, and without what stands in it', (text, message) => {
  expect(() => parseEnvironmentFile(text)).toThrow(message);
});
