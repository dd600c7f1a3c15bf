import { readFileSync } from 'node:fs';

export interface Block {
  /** What stands behind the opening fence. */
  language: string;
  text: string;
}

/** The fenced code blocks of a document, in order. */
export function blocksOf(path: string): Block[] {
  const found = readFileSync(path, 'utf8').matchAll(/^```(.*)\n([\s\S]*?)^```$/gm);
  return Array.from(found, ([, language = '', text = '']) => ({ language, text }));
}

/** The targets of its links that are not web addresses, without anchors. */
export function localLinksOf(path: string): string[] {
  const found = withoutBlocks(path).matchAll(/\]\(([^)\s]+)\)/g);
  const targets = Array.from(found, ([, target = '']) => target.split('#', 1)[0] ?? '');
  return targets.filter((target) => target !== '' && !/^[a-z]+:/.test(target));
}

/** Every command line that a document shows: in blocks of commands, and in code between backticks. */
export function commandLinesOf(path: string): string[] {
  const shell = blocksOf(path).filter(({ language }) => language === 'sh' || language === 'console');
  const lines = shell.flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'));
  const inline = Array.from(withoutBlocks(path).matchAll(/`([^`]+)`/g), ([, code = '']) => code.replaceAll('\n', ' '));
  return [...lines, ...inline].map((line) => line.replace(/^[\w-]*\$ /, '').trim()).filter((line) => line !== '');
}

function withoutBlocks(path: string): string {
  return readFileSync(path, 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');
}
